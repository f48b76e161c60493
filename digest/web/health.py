"""`/healthz`: the process answers. `/readyz`: it can also do its work."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from digest.errors import StorageError
from digest.storage import passes
from digest.storage.migrate import lacks_migration
from digest.web.front import front

_PRIVATE = {"Cache-Control": "no-store"}


async def healthz(_request: Request) -> Response:
    """Alive."""
    return PlainTextResponse("ok\n", headers=_PRIVATE)


async def readyz(request: Request) -> Response:
    """Ready: the database answers, its schema is ours, nothing else is amiss; else 503 with the reasons."""
    db, newest = front(request).db, 0
    faults = list(front(request).faults())
    try:
        async with db.read() as conn:
            if await lacks_migration(conn):
                faults.append("the database lacks a migration: run `digest db upgrade`")
            else:
                newest = await passes.newest_pass(conn)
    except StorageError:
        faults.append("the database does not answer")
    if db.path and not db.path.exists():  # what is open goes on working, and is lost at the end
        faults.append("the database file is gone")
    body = {"ready": not faults, "newest_pass": newest, "faults": faults}
    return JSONResponse(body, status_code=503 if faults else 200, headers=_PRIVATE)
