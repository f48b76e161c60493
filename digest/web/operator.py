"""Who may see the operator's pages: whoever has the token, from our own address. Holds no pages.

A browser signs in once and gets a signed cookie; a program sends `Authorization: Bearer TOKEN`. A cookie
counts only under our own Host (against DNS rebinding) and, for changes, with our own Origin.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from itsdangerous import BadSignature, TimestampSigner
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from digest.engine.jobs import Step
from digest.engine.metrics import Metrics
from digest.engine.running import Lane
from digest.storage.database import Database

COOKIE = "digest_admin"

#: A sign-in is good for so long.
SESSION_SECONDS = 12 * 3600

#: Wrong tokens a minute, from wherever they come.
TRIES = RateLimitItemPerMinute(10)

_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


class Runs(Protocol):
    """What the pages want to know of the service."""

    metrics: Metrics

    def lanes(self) -> Mapping[Step, Lane]:
        """How the steps went."""
        ...

    def next_ticks(self) -> Mapping[str, datetime]:
        """When each step comes next."""
        ...

    def wake(self) -> None:
        """There is something new in the outbox."""
        ...


@dataclass(frozen=True, kw_only=True)
class Operator:
    """What the operator's pages work with."""

    db: Database
    token: str
    base_url: str
    clock: Callable[[], datetime]
    service: Runs
    limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))

    @property
    def root(self) -> str:
        """Path under which the pages stand."""
        return urlsplit(self.base_url).path.rstrip("/")

    @property
    def _signer(self) -> TimestampSigner:
        return TimestampSigner(self.token, salt="digest.admin")

    def knows(self, token: str) -> bool:
        """Is this the token? In constant time."""
        return hmac.compare_digest(token.strip().encode(), self.token.encode())

    def sign_in(self) -> Response:
        """To the overview, with a cookie."""
        response = RedirectResponse(f"{self.root}/admin", status_code=303, headers=_PRIVATE)
        response.set_cookie(
            COOKIE,
            self._signer.sign(b"operator").decode(),
            max_age=SESSION_SECONDS,
            path=f"{self.root}/admin",
            httponly=True,
            samesite="strict",
            secure=self.base_url.startswith("https://"),
        )
        return response

    def sign_out(self) -> Response:
        """Back to the sign-in page, without the cookie."""
        response = RedirectResponse(f"{self.root}/admin", status_code=303, headers=_PRIVATE)
        response.delete_cookie(COOKIE, path=f"{self.root}/admin")
        return response

    def is_bearer(self, request: Request) -> bool:
        """Did a program send the token?"""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self.knows(token)

    def is_signed_in(self, request: Request) -> bool:
        """Does the browser have a cookie that is still good?"""
        try:
            self._signer.unsign(request.cookies.get(COOKIE, "").encode(), max_age=SESSION_SECONDS)
        except (BadSignature, UnicodeEncodeError):
            return False
        return True

    def is_our_host(self, request: Request) -> bool:
        """Was the page asked for under our own name?"""
        return request.headers.get("host", "").lower() == urlsplit(self.base_url).netloc.lower()

    def is_our_origin(self, request: Request) -> bool:
        """Does a change come from one of our own pages?"""
        parts = urlsplit(self.base_url)
        return request.headers.get("origin", "").lower() == f"{parts.scheme}://{parts.netloc}".lower()

    async def may_try(self) -> bool:
        """Is there a try left in this minute?"""
        return await self.limiter.test(TRIES, "admin")

    async def count_failure(self) -> None:
        """One wrong token more."""
        await self.limiter.hit(TRIES, "admin")


Page = Callable[[Operator, Request], Awaitable[Response]]


def guarded(operator: Operator, page: Page, sign_in: Page) -> Callable[[Request], Awaitable[Response]]:
    """A page for the operator alone; a browser without a cookie gets the sign-in page instead."""

    async def endpoint(request: Request) -> Response:
        if operator.is_bearer(request):
            return await page(operator, request)
        if refusal := refused(operator, request):
            return refusal
        if not operator.is_signed_in(request):
            return await sign_in(operator, request)
        return await page(operator, request)

    return endpoint


def refused(operator: Operator, request: Request) -> Response | None:
    """A page under a foreign name, or a change from a foreign page."""
    if not operator.is_our_host(request):
        sentence = f"This page answers under {operator.base_url} only.\n"
        return PlainTextResponse(sentence, status_code=421, headers=_PRIVATE)
    if request.method == "POST" and not operator.is_our_origin(request):
        return PlainTextResponse("This form was sent by another site.\n", status_code=403, headers=_PRIVATE)
    return None
