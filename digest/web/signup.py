"""Subscribe, confirm, ask for a lost link. Every address gets the same answer after the same work."""

import hashlib
from datetime import timedelta
from functools import partial

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from digest.config import normalise_address
from digest.errors import ExpiredError, LinkError
from digest.models import Subscriber
from digest.pipeline import signup, wishes
from digest.pipeline.signup import Confirmed
from digest.schedule import describe
from digest.storage import asks
from digest.web import home
from digest.web.choices import read_choice, sentence_of, to_reader
from digest.web.front import Front, form_of, front, held_page, network_of
from digest.web.pages import PRIVATE

#: A form that comes back sooner was not filled by a person; one that is older is made anew.
FILLED_AFTER, GOOD_FOR = timedelta(seconds=2), timedelta(hours=24)

_SLOW = "There were too many sign-ups from your network in this hour. Please try again later."
_UNPROVEN = "Your browser must do a small computation first, and that needs its script. Please try once more."
_TOO_FAST = "The form was too quick, or has waited too long. Please press Subscribe once more."


async def subscribe(request: Request) -> Response:
    """The form: faults are shown in it; else the address is asked, whoever it is."""
    tools, form = front(request), await form_of(request)
    choice = read_choice(form)
    if form.get("website"):
        return _sent(tools)  # the trap that people do not see
    try:
        reader = to_reader(choice, carried=await tools.carries(choice.email))
    except ValueError as error:
        return await home.show(request, choice, fault=sentence_of(error), status=422)
    if not _is_timely(tools, form.get("stamp", "")):
        return await home.show(request, choice, fault=_TOO_FAST, status=422)
    bits = front(request).limits.proof_bits
    if bits and not is_proven(form.get("stamp", ""), form.get("proof", ""), bits):
        return await home.show(request, choice, fault=_UNPROVEN, status=422)
    wished = wishes.to_json(reader, welcome=choice.welcome)
    return await _ask(request, "signup", reader.email, wished)


async def link(request: Request) -> Response:
    """Who lost the link to the settings gets it by mail."""
    tools = front(request)
    if request.method != "POST":
        return _link_page(tools, "", "", 200)
    form = await form_of(request)
    typed = form.get("email", "").strip()
    if form.get("website"):
        return _sent(tools)
    try:
        email = normalise_address(typed)
    except ValueError as error:
        return _link_page(tools, typed, sentence_of(error), 422)
    return await _ask(request, "link", email, None)


async def confirm(request: Request) -> Response:
    """The page of the confirmation letter, and its two buttons."""
    tools, token = front(request), request.path_params["token"]
    now, network = tools.clock(), network_of(request)
    try:
        ask_id = tools.links.read_confirm(token, now)
    except ExpiredError as error:
        return await _expired(request, error.number)
    if request.method != "POST":
        return await _confirm_page(tools, ask_id, token)
    if "refuse" in await form_of(request):
        await signup.refuse(tools.db, ask_id, network=network, now=now)
        return _refused(tools)
    result, reader = await signup.confirm(tools.db, ask_id, network=network, now=now)
    if result is Confirmed.ACTIVE:
        tools.wake()
    return _outcome(tools, result, reader)


async def _ask(request: Request, kind: str, email: str, wished: dict[str, object] | None) -> Response:
    tools = front(request)
    limits = front(request).limits
    if await tools.holds():
        return held_page(tools)
    taken = await tools.grouped.write(
        partial(
            signup.ask,
            kind=kind,
            email=email,
            wished=wished,
            network=network_of(request),
            now=tools.clock(),
            limits=limits,
        )
    )
    if not taken:
        return tools.pages.say("One moment, please", _SLOW, status=429)
    return _sent(tools, BackgroundTask(answer, tools, limits))


async def answer(tools: Front, limits: signup.Limits) -> None:
    """After the response: decide the letters and have them sent. One at a time, for all that wait."""
    if tools.answering.locked() and tools.queue:
        return  # somebody waits already, and will find this ask too
    tools.queue.append(None)
    async with tools.answering:
        tools.queue.clear()
        if await signup.answer_asks(tools.db, tools.clock(), limits):
            tools.wake()


def _sent(tools: Front, after: BackgroundTask | None = None) -> Response:
    response = tools.pages.say(
        "Look into your inbox",
        "If the address can be mailed, a letter with one link is on its way. It comes within a minute.",
        quiet="Nothing there? Look among the junk, and check that the address had no slip of the pen. "
        "For safety an address gets no second letter within the hour.",
    )
    response.background = after
    return response


def _link_page(tools: Front, typed: str, fault: str, status: int) -> Response:
    return tools.pages.page("link.html", status=status, headers=PRIVATE, email=typed, fault=fault)


async def _confirm_page(tools: Front, ask_id: int, token: str) -> Response:
    async with tools.db.read() as conn:
        one = await asks.by_id(conn, ask_id)
    if one is None or one.email is None or one.wishes is None:
        return _outcome(tools, Confirmed.GONE, None)
    reader = wishes.from_json(one.email, one.wishes)
    return tools.pages.page(
        "confirm.html",
        headers=PRIVATE,
        token=token,
        reader=reader,
        schedule=describe(reader.schedule),
        confirmed=one.confirmed_at is not None,
    )


async def _expired(request: Request, ask_id: int) -> Response:
    """An old letter: its link does nothing but send a new one, or stop all letters."""
    tools, token = front(request), request.path_params["token"]
    if request.method != "POST":
        return tools.pages.page("expired.html", status=410, headers=PRIVATE, token=token)
    now, network = tools.clock(), network_of(request)
    if "refuse" in await form_of(request):
        await signup.refuse(tools.db, ask_id, network=network, now=now)
        return _refused(tools)
    if await tools.holds():
        return held_page(tools)
    limits = front(request).limits
    once_more = partial(signup.again, ask_id=ask_id, network=network, now=now, limits=limits)
    if not await tools.grouped.write(once_more):
        return tools.pages.say("One moment, please", _SLOW, status=429)
    return _sent(tools, BackgroundTask(answer, tools, limits))


def _refused(tools: Front) -> Response:
    return tools.pages.say(
        "You will get no letter from us", "The sign-up is deleted, and its address is blocked."
    )


def _outcome(tools: Front, result: Confirmed, reader: Subscriber | None) -> Response:
    if result in (Confirmed.ACTIVE, Confirmed.ALREADY) and reader:
        return tools.pages.page(
            "welcome.html",
            headers=PRIVATE,
            fresh=result is Confirmed.ACTIVE,
            manage=tools.links.manage(reader.id, tools.clock()),
            feed=tools.links.feed(reader.id),
            schedule=describe(reader.schedule),
            at_once=reader.next_issue_at is not None and reader.next_issue_at <= tools.clock(),
        )
    if result is Confirmed.REFUSED:
        sentence = "This address is not mailed any more. Only the operator can change that."
        return tools.pages.say("This address is blocked", sentence, links={"Imprint": "/imprint"})
    sentence = "This letter has done its work, or is too old. Sign up again if you like; it takes a minute."
    return tools.pages.say("Nothing to confirm", sentence, status=410, links={"Sign up": "/"})


def is_proven(stamp: str, proof: str, bits: int) -> bool:
    """Did the browser find a number that, hashed with the form's stamp, begins with so many zero bits?

    It costs a reader a second or two and a flood its speed; no third party is asked.
    """
    digest = hashlib.sha256(f"{stamp}:{proof}".encode()).digest()
    return len(proof) <= 20 and int.from_bytes(digest) >> (256 - bits) == 0


def _is_timely(tools: Front, stamp: str) -> bool:
    try:
        made_at = tools.links.read_stamp(stamp)
    except (LinkError, OverflowError, OSError, ValueError):
        return False
    return FILLED_AFTER <= tools.clock() - made_at <= GOOD_FOR
