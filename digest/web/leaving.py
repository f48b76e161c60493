"""Unsubscribe: RFC 8058's POST, and a page with one button. No login, no cookie, no redirect, for ever."""

from functools import partial
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from digest.pipeline import leaving
from digest.web.front import form_of, front, network_of
from digest.web.pages import PRIVATE


async def unsubscribe(request: Request) -> Response:
    """GET asks, POST does it, whatever its body is: the token is the proof. Every token gets one answer."""
    tools, token = front(request), request.path_params["token"]
    if request.method != "POST":
        return tools.pages.say(
            "Stop these mails?",
            "One press and nothing more is sent to this address.",
            action=f"/unsubscribe/{quote(token, safe='')}",
            button="Unsubscribe",
            quiet="You would rather have fewer, or other papers? The link to your settings is in each mail.",
        )
    leave = partial(leaving.leave, token=token, network=network_of(request), now=tools.clock())
    await tools.grouped.write(leave)
    if await _is_one_click(request):
        return PlainTextResponse("unsubscribed\n", headers=PRIVATE)
    return tools.pages.say(
        "You are unsubscribed",
        "Nothing more will be sent. It takes effect at once.",
        links={"Sign up again": "/"},
    )


async def _is_one_click(request: Request) -> bool:
    """A mail provider's request; a body that cannot be read is nobody's form."""
    try:
        return "List-Unsubscribe" in await form_of(request)
    except (HTTPException, ClientDisconnect):
        return True
