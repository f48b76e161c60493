"""Privacy and imprint, from the settings; robots.txt."""

from email.utils import parseaddr

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from digest.web.front import front

_PUBLIC = {"Cache-Control": "public, max-age=3600"}

#: Pages behind tokens; their addresses are secret, but a robot that was given one should not fetch it.
_CLOSED = ("confirm", "manage", "change", "unsubscribe", "issue", "vote", "feed", "preview", "admin")


async def privacy(request: Request) -> Response:
    """What is stored, why and for how long."""
    return _page(request, "privacy.html")


async def imprint(request: Request) -> Response:
    """Who runs this."""
    return _page(request, "imprint.html")


async def robots(request: Request) -> Response:
    """The public lists may be indexed."""
    root = front(request).pages.root
    lines = ["User-agent: *", *(f"Disallow: {root}/{name}/" for name in _CLOSED)]
    return PlainTextResponse("\n".join(lines) + "\n", headers=_PUBLIC)


def _page(request: Request, template: str) -> Response:
    tools = front(request)
    contact = parseaddr(tools.site.reply_to or tools.site.sender)[1]
    return tools.pages.page(template, headers=_PUBLIC, contact=contact)
