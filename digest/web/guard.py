"""What holds for every page: headers of safety, no change on behalf of other sites, no large bodies.

Plain ASGI, no wrapper around streams. The one route that other sites may post to is one-click
unsubscribe (RFC 8058): a mail provider sends neither cookie nor Origin, and the token is the proof.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: A digest mail shown as a page: its rules stand in its tags, and it can do nothing at all.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups; frame-ancestors 'self'"

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), interest-cohort=()",
}


class Guard:
    """The middleware; `open_to_all` is the path prefix of one-click unsubscribe."""

    def __init__(self, app: ASGIApp, *, base_url: str, open_to_all: str = "/unsubscribe/") -> None:
        self.app = app
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()
        self._open = parts.path.rstrip("/") + open_to_all, open_to_all
        self._headers = dict(HEADERS)
        if parts.scheme == "https":
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what another site asks for, else pass on; either answer gets the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        if self._is_foreign(scope):
            answer = PlainTextResponse("This form was sent by another site.\n", status_code=403)
            await answer(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)

    def _is_foreign(self, scope: Scope) -> bool:
        """A change that another site's page asks for: by Sec-Fetch-Site, else by Origin."""
        if scope["method"] in SAFE_METHODS or scope["path"].startswith(self._open):
            return False
        headers = Headers(scope=scope)
        if site := headers.get("sec-fetch-site"):
            return site not in ("same-origin", "none")
        origin = headers.get("origin")
        if origin is None:
            return False
        return origin.lower() not in (self._origin, f"{scope['scheme']}://{headers.get('host', '')}".lower())
