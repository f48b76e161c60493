"""The home page and the live preview: public, cached per pass, limited per network."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from digest.compose import wording
from digest.models import Subscriber
from digest.pipeline.catalogue import Edition, choose, nearest
from digest.pipeline.preview import message_of
from digest.pipeline.window import unheard_in
from digest.storage.trending import Listed
from digest.web.choices import TRENDING_ALONE, Choice, read_choice, read_topics, sentence_of, zones
from digest.web.front import Front, form_of, front, network_of
from digest.web.guard import MAIL_POLICY
from digest.web.pages import day
from digest.web.views import issue_views, list_views, match_views, title_views

#: Trending papers on the home page.
HOME_PAPERS = 12

_CACHED = {"Cache-Control": "private, max-age=30"}
_BUSY = "Too many previews from your network in this minute. Wait a little and try again."


async def home(request: Request) -> Response:
    """What it is, the papers of the day, and the form; with `?topics=` the papers for them."""
    choice = read_choice({"welcome": "1", **request.query_params})
    return await show(request, choice)


async def preview(request: Request) -> Response:
    """The papers for some topics: a part of the page for the script, else the whole page."""
    if request.method == "POST":
        return await show(request, read_choice(await form_of(request)))
    choice = read_choice({"welcome": "1", **request.query_params})
    if "part" not in request.query_params:
        return await show(request, choice)
    papers, status = await _papers(request, choice)
    return HTMLResponse(papers, status_code=status, headers=_CACHED)


async def mail(request: Request) -> Response:
    """The very mail that these topics would bring now, as a page that can do nothing."""
    tools = front(request)
    choice = read_choice(request.query_params)
    edition = await tools.catalogue.edition()
    try:
        reader = _reader(choice)
    except ValueError as error:
        return tools.pages.say(
            "This preview cannot be shown", sentence_of(error), status=422, links={"Back": "/"}
        )
    if not await tools.previews.lets(network_of(request)):
        return tools.pages.say("One moment, please", _BUSY, status=429)
    html = await asyncio.to_thread(_mail, edition, reader)
    return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY, "X-Robots-Tag": "noindex"})


async def show(request: Request, choice: Choice, *, fault: str = "", status: int = 200) -> Response:
    """The home page with this form; without topics and faults it is one text a pass and minute."""
    tools = front(request)
    edition = await tools.catalogue.edition()
    minute = tools.clock().replace(second=0, microsecond=0)
    if choice == Choice() and not fault:
        text = edition.keep(
            ("home", minute), lambda: _page(tools, choice, minute, _front_list(tools, edition))
        )
        return HTMLResponse(text, headers={"Cache-Control": "public, max-age=60"})
    papers, found = await _papers(request, choice)
    text = _page(tools, choice, minute, papers, fault=fault)
    return HTMLResponse(text, status_code=max(status, found), headers={"Cache-Control": "no-store"})


def _page(tools: Front, choice: Choice, minute: datetime, papers: str, *, fault: str = "") -> str:
    return tools.pages.text(
        "home.html",
        choice=choice,
        zones=zones(),
        papers=papers,
        stamp=tools.links.stamp(minute),
        fault=fault,
    )


async def _papers(request: Request, choice: Choice) -> tuple[str, int]:
    """The part of the page with papers, and its status."""
    tools = front(request)
    edition = await tools.catalogue.edition()
    try:
        reader = _reader(choice)
    except ValueError as error:
        return _fault(tools, sentence_of(error)), 422
    if not reader.topics:
        return _front_list(tools, edition), 200
    key = ("papers", reader.topics, reader.trending)
    if key not in edition.kept:
        if not await tools.previews.lets(network_of(request)):
            return _fault(tools, _BUSY), 429
        text = await asyncio.to_thread(_part, tools, edition, reader)
        edition.keep(key, lambda: text)
    return edition.keep(key, lambda: ""), 200


def _reader(choice: Choice) -> Subscriber:
    """A reader without address: what is previewed. Raises ValueError."""
    topics = read_topics(choice.topics)
    trending = choice.trending if topics else TRENDING_ALONE
    return Subscriber(id=0, email="", topics=topics, trending=trending)


def _part(tools: Front, edition: Edition, reader: Subscriber) -> str:
    """Rank, freeze and render; runs beside the event loop."""
    issue = choose(edition.reading, reader, edition.made_at, {})
    below = () if issue.shown else nearest(edition.reading, reader.topics, 5)
    asked = {"topics": "\n".join(topic.name for topic in reader.topics), "trending": reader.trending}
    return tools.pages.text(
        "papers.html",
        issue=issue,
        heading="Your next mail, from the last seven days",
        mail_url="/preview/mail?" + urlencode(asked),
        sentence=wording.sentence(issue, reader, ""),
        note=issue.note,
        unheard=wording.unheard(unheard_in(edition.reading, reader.topics)),
        views=issue_views(issue, edition.papers, reader, public=True),
        hot=title_views(issue.trending, edition.papers),
        left_out=match_views(issue.left_out or below, edition.papers),
    )


def _front_list(tools: Front, edition: Edition) -> str:
    return str(edition.keep("front list", lambda: _trending_part(tools, edition)))


def _trending_part(tools: Front, edition: Edition) -> str:
    return tools.pages.text(
        "papers.html",
        issue=None,
        heading=_heading(edition),
        sentence=list_sentence(edition.hot),
        views=list_views(edition.hot[:HOME_PAPERS]),
    )


def _heading(edition: Edition) -> str:
    if edition.day is None:
        return "Trending"
    is_today = edition.made_at - edition.day < timedelta(days=1)
    return "Trending today" if is_today else f"Trending on {day(edition.day)}"


def list_sentence(listed: Sequence[Listed]) -> str:
    """What a reader must know about the order of a list; mostly nothing."""
    if not listed:
        return "There are no papers yet. They come with the next pass."
    return (
        "" if any(one.votes for one in listed) else "Nobody has voted on these yet, so the newest come first."
    )


def _mail(edition: Edition, reader: Subscriber) -> str:
    issue = choose(edition.reading, reader, edition.made_at, {})
    return message_of(edition.composer, issue, reader, dict(edition.papers), edition.made_at).html


def _fault(tools: Front, sentence: str) -> str:
    return tools.pages.text("fault.html", sentence=sentence)
