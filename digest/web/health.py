"""`/healthz`: the process answers. `/readyz`: it can also do its work."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from digest.errors import StorageError
from digest.storage import passes
from digest.web.front import front

_PRIVATE = {"Cache-Control": "no-store"}


async def healthz(_request: Request) -> Response:
    """Alive."""
    return PlainTextResponse("ok\n", headers=_PRIVATE)


async def readyz(request: Request) -> Response:
    """Ready: the database answers and nothing else is amiss; 503 with the reasons otherwise."""
    faults = list(front(request).faults())
    newest = 0
    try:
        async with front(request).db.read() as conn:
            newest = await passes.newest_pass(conn)
    except StorageError:
        faults.append("the database does not answer")
    body = {"ready": not faults, "newest_pass": newest, "faults": faults}
    return JSONResponse(body, status_code=503 if faults else 200, headers=_PRIVATE)
