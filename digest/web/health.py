"""`/healthz`: the process answers. `/readyz`: it can also do its work."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from digest.errors import StorageError
from digest.storage import passes
from digest.storage.database import Database
from digest.storage.migrate import lacks_migration
from digest.web.front import front

_PRIVATE = {"Cache-Control": "no-store"}


async def healthz(_request: Request) -> Response:
    """Alive."""
    return PlainTextResponse("ok\n", headers=_PRIVATE)


async def readyz(request: Request) -> Response:
    """Ready: the database answers, its schema is ours, nothing else is amiss; else 503 with the reasons."""
    newest, fault = await _look(front(request).db)
    faults = [*front(request).faults(), *([fault] if fault else [])]
    body = {"ready": not faults, "newest_pass": newest, "faults": faults}
    return JSONResponse(body, status_code=503 if faults else 200, headers=_PRIVATE)


async def _look(db: Database) -> tuple[int, str]:
    """The newest pass, and what is wrong with the database."""
    if db.path and not db.path.exists():  # to connect would make an empty one
        return 0, "the database file is gone"
    try:
        async with db.read() as conn:
            if await lacks_migration(conn):
                return 0, "the database lacks a migration: run `digest db upgrade`"
            return await passes.newest_pass(conn), ""
    except StorageError:
        return 0, "the database does not answer"
