"""Atom: the public lists, and a private feed for each reader. Built by the XML library, never by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import Response

from digest.errors import LinkError
from digest.models import Issue, Paper
from digest.pipeline.render import named
from digest.storage import issues, papers, subscribers, trending
from digest.web.archive import LISTED, span_of
from digest.web.front import Front, front
from digest.web.pages import PRIVATE
from digest.web.views import View, page_of, view

_ATOM = "http://www.w3.org/2005/Atom"
_XML = "application/atom+xml"

#: Issues of a private feed.
ISSUES = 14


async def public(request: Request) -> Response:
    """The trending papers of the newest day, week or month."""
    tools, kind = front(request), request.query_params.get("period", "day")
    edition = await tools.catalogue.edition()
    span = span_of(kind if kind in ("week", "month") else "day", edition.day or edition.made_at)
    async with tools.db.read() as conn:
        found = await trending.listed(conn, span.start, span.end, tools.clock(), LISTED)
    shown = [(one.paper, _when(one.paper, edition.made_at), "") for one in found]
    text = _feed(tools, f"Trending papers, {span.title}", f"/trending.atom?period={span.kind}", shown)
    return Response(text, media_type=_XML, headers={"Cache-Control": "public, max-age=600"})


async def private(request: Request) -> Response:
    """What a reader was sent, newest first; the address is signed and shows nothing else."""
    tools = front(request)
    reader_id = tools.links.read_feed(request.path_params["token"])
    async with tools.db.read() as conn:
        if reader_id not in await subscribers.by_ids(conn, [reader_id]):
            raise LinkError("there is no digest for this link any more")
        sent = await issues.of_subscriber(conn, reader_id, ISSUES)
        known = await papers.by_ids(conn, {one for issue in sent for one in named(issue)})
    shown = [entry for issue in sent for entry in _entries(issue, known)]
    path = f"/feed/{request.path_params['token']}"
    text = _feed(tools, f"{tools.site.name}: papers for you", path, shown, public=False)
    return Response(text, media_type=_XML, headers=PRIVATE)


def _entries(issue: Issue, known: dict[str, Paper]) -> list[tuple[Paper, datetime, str]]:
    chosen = [(match.paper_id, f"Why: {', '.join(match.because)}") for match in issue.shown]
    chosen += [(one, "Trending") for one in issue.trending]
    return [(known[one], issue.due_at, why) for one, why in chosen if one in known]


def _feed(
    tools: Front,
    title: str,
    path: str,
    shown: Sequence[tuple[Paper, datetime, str]],
    *,
    public: bool = True,
) -> bytes:
    base = tools.links.base_url or ""
    feed = ElementTree.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _add(feed, "title", title)
    _add(feed, "id", base + path)
    ElementTree.SubElement(feed, "link", {"rel": "self", "href": base + path})
    ElementTree.SubElement(feed, "link", {"href": f"{base}/"})
    latest = max((at for _, at, _ in shown), default=tools.clock())
    _add(feed, "updated", _iso(latest))
    for paper, at, why in shown:
        _entry(feed, base, view(paper, public=public), paper, at, why)
    return bytes(ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True))


def _entry(feed: ElementTree.Element, base: str, shown: View, paper: Paper, at: datetime, why: str) -> None:
    entry = ElementTree.SubElement(feed, "entry")
    _add(entry, "title", shown.title)
    _add(entry, "id", f"{base}/paper/{quote(paper.id, safe=':/')}")
    _add(entry, "updated", _iso(at))
    ElementTree.SubElement(entry, "link", {"href": shown.url or base + page_of(paper.id)})
    for author in shown.authors or ():
        _add(ElementTree.SubElement(entry, "author"), "name", author.name)
    if not shown.authors:
        _add(ElementTree.SubElement(entry, "author"), "name", "unknown")
    for category in paper.categories:
        ElementTree.SubElement(entry, "category", {"term": category})
    text = "\n\n".join(part for part in (why, shown.abstract) if part)
    if text:
        _add(entry, "summary", text)


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    """An element with text; characters that XML cannot hold are left out."""
    allowed = (c for c in text if c in "\t\n" or (ord(c) >= 0x20 and not 0xD800 <= ord(c) <= 0xDFFF))
    ElementTree.SubElement(parent, name).text = "".join(c for c in allowed if ord(c) not in (0xFFFE, 0xFFFF))


def _when(paper: Paper, default: datetime) -> datetime:
    return paper.eligible_at or paper.published_at or default


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
