"""The reader's own settings, behind a signed link: choose, see what it would bring, move, export, delete."""

import json
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from digest.compose import wording
from digest.errors import LinkError
from digest.models import Subscriber, SubscriberStatus
from digest.pipeline import choices, leaving
from digest.storage import search, subscribers
from digest.web.choices import read_address, sentence_of, zones
from digest.web.draft import Draft, draft_of, edited, read_draft, to_subscriber
from digest.web.front import Front, form_of, front, held_page, network_of
from digest.web.pages import PRIVATE
from digest.web.views import issue_views, match_views, title_views


async def manage(request: Request) -> Response:
    """GET shows what is stored; POST saves, or shows the form after one of its other buttons."""
    tools, reader = front(request), await _reader(request)
    if request.method != "POST":
        saved = "Saved." if "saved" in request.query_params else ""
        return await _page(request, reader, draft_of(reader), done=saved)
    form = await form_of(request)
    action, draft = form.get("action", "save"), read_draft(form, reader)
    if action == "resume":
        await choices.resume(tools.db, reader, tools.clock())
        return _back(request)
    try:
        if action not in ("save", "preview"):
            draft = edited(draft, action, form.get("paste", ""))
            return await _page(request, reader, draft, done="Not saved yet: press Save below.")
        wished = to_subscriber(draft, reader, tools.clock(), await _families(tools))
    except ValueError as error:
        return await _faulty(request, reader, draft, error)
    if action == "save":
        await choices.save(tools.db, wished, tools.clock())
        return _back(request)
    if "x-part" in request.headers:
        return HTMLResponse(await _preview(tools, wished), headers=PRIVATE)
    return await _page(request, reader, draft, done="Not saved yet: press Save below.", shown=wished)


async def move(request: Request) -> Response:
    """Ask both addresses whether the digest may move."""
    tools, reader = front(request), await _reader(request)
    try:
        typed = (await form_of(request)).get("email", "").strip()
        email = read_address(typed, carried=await tools.carries(typed))
    except ValueError as error:
        return await _faulty(request, reader, draft_of(reader), error)
    if await tools.holds():
        return held_page(tools)
    await choices.ask_for_address(tools.db, reader, email, tools.clock())
    tools.wake()
    return tools.pages.say(
        "Two letters are on their way",
        "One to the present address, one to the new one. The digest moves when both were confirmed.",
        links={"Back to the settings": _path(request)},
    )


async def export(request: Request) -> Response:
    """Everything that is stored about the reader, as a JSON file."""
    tools, reader = front(request), await _reader(request)
    text = json.dumps(await choices.export(tools.db, reader), ensure_ascii=False, indent=2)
    headers = PRIVATE | {"Content-Disposition": 'attachment; filename="digest.json"'}
    return Response(text, media_type="application/json", headers=headers)


async def delete(request: Request) -> Response:
    """GET asks once more, POST deletes everything."""
    tools, reader = front(request), await _reader(request)
    if request.method != "POST":
        return tools.pages.say(
            "Delete everything?",
            "Topics, issues, votes and the address itself are deleted. There is no way back.",
            action=f"{_path(request)}/delete",
            button="Delete everything about me",
            links={"Keep it": _path(request)},
            quiet="Only a hash of the address stays, so that no list brings it back by mistake.",
        )
    await leaving.forget(tools.db, reader, network=network_of(request), now=tools.clock())
    return tools.pages.say("Everything is deleted", "Nothing more will be sent.", links={"To the start": "/"})


async def change(request: Request) -> Response:
    """The page of the two letters about a change of address, with one button."""
    tools, token = front(request), request.path_params["token"]
    change_id, side = tools.links.read_change(token)
    if request.method != "POST":
        return tools.pages.say(
            "Send the digest to the new address?",
            "It moves when the present address and the new one have both agreed.",
            action=f"/change/{token}",
            button="I agree",
        )
    now, network = tools.clock(), network_of(request)
    result = await choices.agree_to_address(tools.db, change_id, side, network=network, now=now)
    if result.gone:
        return tools.pages.say("This change has lapsed", "Begin it again from the settings.", status=410)
    if result.done:
        return tools.pages.say("The digest has moved", "From now on it comes to the new address.")
    other = "new" if result.waits_for == "new" else "present"
    return tools.pages.say("Thank you", f"Now the {other} address must agree; it has a letter with a link.")


async def _reader(request: Request) -> Subscriber:
    """The reader of the link. Raises LinkError for one that is damaged, expired or of nobody."""
    tools = front(request)
    reader_id = tools.links.read_manage(request.path_params["token"], tools.clock())
    async with tools.db.read() as conn:
        found = await subscribers.by_ids(conn, [reader_id])
    if reader_id not in found:
        raise LinkError("there is no digest for this link any more")
    return found[reader_id]


async def _page(
    request: Request,
    reader: Subscriber,
    draft: Draft,
    *,
    done: str = "",
    fault: str = "",
    shown: Subscriber | None = None,
    status: int = 200,
) -> Response:
    tools = front(request)
    return tools.pages.page(
        "manage.html",
        status=status,
        headers=PRIVATE,
        path=_path(request),
        reader=reader,
        draft=draft,
        zones=zones(),
        families=await _families(tools),
        feed=tools.links.feed(reader.id),
        unsubscribe=tools.links.unsubscribe(reader.token),
        paused=reader.status is SubscriberStatus.PAUSED,
        left=reader.status in (SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.SUPPRESSED),
        done=done,
        fault=fault,
        papers=await _preview(tools, shown or reader),
    )


async def _faulty(request: Request, reader: Subscriber, draft: Draft, error: ValueError) -> Response:
    sentence = sentence_of(error)
    if "x-part" in request.headers:
        part = front(request).pages.text("fault.html", sentence=sentence)
        return HTMLResponse(part, status_code=422, headers=PRIVATE)
    return await _page(request, reader, draft, fault=sentence, status=422)


async def _preview(tools: Front, reader: Subscriber) -> str:
    """What the reader would be sent now, with these choices."""
    now = tools.clock()
    heading, span = "Your next mail, if it went out now", None
    found = await tools.catalogue.issue(replace(reader, next_issue_at=now), now)
    if not found.issue.considered:
        week = await tools.catalogue.week(replace(reader, next_issue_at=now), now)
        if week.issue.considered:
            found, heading = week, "Nothing new since your last mail; the last seven days would bring"
            span = "in the last seven days"
    issue, papers = found.issue, found.papers
    return tools.pages.text(
        "papers.html",
        issue=issue,
        heading=heading,
        mail_url=None,
        sentence=wording.sentence(issue, reader, span),
        note=issue.note,
        unheard=wording.unheard(found.unheard),
        views=issue_views(issue, papers, reader, public=False),
        hot=title_views(issue.trending, papers),
        left_out=match_views(issue.left_out, papers),
    )


async def _families(tools: Front) -> tuple[str, ...]:
    """Families of the sources that are followed here."""
    async with tools.db.read() as conn:
        return await search.families(conn)


def _path(request: Request) -> str:
    return f"/manage/{request.path_params['token']}"


def _back(request: Request) -> Response:
    root = front(request).pages.root
    return RedirectResponse(f"{root}{_path(request)}?saved=1", status_code=303, headers=PRIVATE)
