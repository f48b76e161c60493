"""Webhooks of mail providers: bounces and complaints as events. Believed only with the secret.

`POST /hooks/bounces` with `X-Digest-Signature: sha256=HEX` over the body, or, for providers that cannot sign
so (SES behind SNS, Postmark), `POST /hooks/bounces/SECRET`.
"""

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from digest.deliver import hooks
from digest.pipeline.bounces import Taken, take
from digest.storage.database import Database

log = structlog.get_logger()


def hook_routes(
    db: Database, secret: str | None, clock: Callable[[], datetime], keys: Sequence[str]
) -> Sequence[BaseRoute]:
    """The routes; none without DIGEST_WEBHOOK_SECRET. `keys`: of the signed return paths."""
    if secret is None:
        return []

    async def events(request: Request) -> Response:
        body = await request.body()
        given = request.path_params.get("secret", "")
        if not (
            hmac.compare_digest(given.encode(), secret.encode())
            or hooks.is_signed(body, request.headers.get("x-digest-signature", ""), secret)
        ):
            return PlainTextResponse("The signature is not right.\n", status_code=403)
        try:
            readings = hooks.readings(body, keys)
            if url := hooks.confirmation(body):
                log.warning("hooks.open_this_address_once", url=url)
        except ValueError:
            return PlainTextResponse("The body is no JSON object.\n", status_code=400)
        taken = [await take(db, reading, now=clock()) for reading in readings]
        known = sum(one is not Taken.UNKNOWN for one in taken)
        return PlainTextResponse(f"{known} of {len(taken)} events taken\n")

    return [
        Route("/hooks/bounces", events, methods=["POST"]),
        Route("/hooks/bounces/{secret}", events, methods=["POST"]),
    ]
