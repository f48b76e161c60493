"""Public lists: trending by day, week and month, search, and a page a paper. Cached, and open to robots."""

import asyncio
import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from digest.identifiers import key
from digest.match.rank import rank
from digest.models import Paper, Topic
from digest.pipeline.catalogue import Edition
from digest.storage import papers, search, trending
from digest.storage.search import Query
from digest.web.choices import number, one_line
from digest.web.front import Front, front, network_of
from digest.web.home import list_sentence
from digest.web.views import View, list_views, title_views, view

#: Papers of a list, hits of a page, similar papers.
LISTED, HITS, SIMILAR = 60, 20, 6

#: The farthest page of hits: behind it nobody looks, and databases count slowly.
LAST_PAGE = 50

_PUBLIC = {"Cache-Control": "public, max-age=120"}
_BUSY = "Too many searches from your network in this minute. Wait a little and try again."


@dataclass(frozen=True, slots=True)
class Span:
    """A day, a week or a month of the archive."""

    kind: str  # day | week | month
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """As in an address: 2026-04-13, 2026-W16, 2026-04."""
        if self.kind == "week":
            year, week, _ = self.start.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.start:%Y-%m-%d}" if self.kind == "day" else f"{self.start:%Y-%m}"

    @property
    def title(self) -> str:
        """As people say it."""
        start = self.start
        if self.kind == "month":
            return f"{start:%B %Y}"
        if self.kind == "week":
            return f"the week from {start.day} {start:%B %Y}"
        return f"{start:%A}, {start.day} {start:%B %Y}"


def span_of(kind: str, at: datetime) -> Span:
    """The day, week or month, in UTC, that holds a time."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "week":
        day -= timedelta(days=day.weekday())
        return Span(kind, day, day + timedelta(days=7))
    if kind == "month":
        day = day.replace(day=1)
        return Span(kind, day, day + timedelta(days=calendar.monthrange(day.year, day.month)[1]))
    return Span("day", day, day + timedelta(days=1))


def read_span(name: str) -> Span:
    """The span of an address. Raises ValueError."""
    if "-W" in name:
        year, _, week = name.partition("-W")
        return span_of("week", _midnight(date.fromisocalendar(int(year), int(week), 1)))
    if name.count("-") == 1:
        return span_of("month", _midnight(date.fromisoformat(f"{name}-01")))
    return span_of("day", _midnight(date.fromisoformat(name)))


async def trending_now(request: Request) -> Response:
    """The newest day, week or month that has papers."""
    kind = request.query_params.get("period", "day")
    edition = await front(request).catalogue.edition()
    span = span_of(kind if kind in ("week", "month") else "day", edition.day or edition.made_at)
    return await _listed(request, edition, span, now=True)


async def archived(request: Request) -> Response:
    """A day, week or month of the past, for ever under the same address."""
    try:
        span = read_span(request.path_params["span"])
    except (ValueError, OverflowError) as error:
        raise HTTPException(404) from error
    return await _listed(request, await front(request).catalogue.edition(), span, now=False)


async def _listed(request: Request, edition: Edition, span: Span, *, now: bool) -> Response:
    tools = front(request)
    hour = tools.clock().replace(minute=0, second=0, microsecond=0)  # the form's stamp ages
    key = ("list", span.kind, span.start, now, hour)
    if key not in edition.kept:
        text = await _list_page(tools, span, now=now)
        edition.keep(key, lambda: text)
    return HTMLResponse(edition.keep(key, lambda: ""), headers=_PUBLIC)


async def _list_page(tools: Front, span: Span, *, now: bool) -> str:
    async with tools.db.read() as conn:
        found = await trending.listed(conn, span.start, span.end, tools.clock(), LISTED)
        oldest, newest = await trending.oldest_day(conn), await trending.newest_day(conn)
    older = span_of(span.kind, span.start - timedelta(days=1)) if span.start.year > 1 else None
    newer = span_of(span.kind, span.end)
    return await asyncio.to_thread(
        tools.pages.text,
        "trending.html",
        span=span,
        now=now,
        views=list_views(found),
        sentence=list_sentence(found) if found else "No papers came in this time.",
        older=older if older and oldest and older.end > oldest else None,
        newer=newer if newest and newer.start <= newest else None,
        spans={kind: span_of(kind, span.start) for kind in ("day", "week", "month")},
        stamp=tools.links.stamp(tools.clock() - timedelta(seconds=2)),
    )


async def _address_of(tools: Front, name: str) -> str | None:
    """The page of a paper that is asked for by its id."""
    async with tools.db.read() as conn:
        found = (await papers.by_keys(conn, [name])).get(name)
    return f"{tools.pages.root}/paper/{quote(found[1].id)}" if found else None


async def find(request: Request) -> Response:
    """Search every stored paper: words, source, category, dates."""
    tools, asked = front(request), request.query_params
    if not await tools.searches.lets(network_of(request)):
        return tools.pages.say("One moment, please", _BUSY, status=429)
    if (one := key(asked.get("q", ""))) and (at := await _address_of(tools, one)):
        return RedirectResponse(at, 303)
    page = min(max(number(asked.get("page", ""), 1), 1), LAST_PAGE)
    since, until = _day(asked.get("since", "")), _day(asked.get("until", ""))
    query = Query(
        words=one_line(asked.get("q", ""))[:300],
        family=one_line(asked.get("source", ""))[:100],
        category=one_line(asked.get("category", ""))[:60],
        since=since,
        until=until + timedelta(days=1) if until else None,
    )
    async with tools.db.read() as conn:
        found = await search.search(conn, query, limit=HITS, offset=(page - 1) * HITS)
        families = await search.families(conn)
        votes = await trending.votes_here(conn, [paper.id for paper in found.papers])
    views = await asyncio.to_thread(_hits, found.papers, votes, query)
    kept = {name: asked[name] for name in ("q", "source", "category", "since", "until") if asked.get(name)}
    return tools.pages.page(
        "search.html",
        headers=_PUBLIC,
        query=query,
        since=f"{since:%Y-%m-%d}" if since else "",
        until=f"{until:%Y-%m-%d}" if until else "",
        families=families,
        views=views,
        page=page,
        earlier=f"/search?{urlencode(kept | {'page': page - 1})}" if page > 1 else None,
        later=f"/search?{urlencode(kept | {'page': page + 1})}" if found.more and page < LAST_PAGE else None,
        filtered=bool(query.family or query.category or query.since or query.until),
    )


def _hits(found: tuple[Paper, ...], votes: dict[str, int], query: Query) -> list[View]:
    """Hits with the words marked; the score is of no meaning here."""
    words = tuple(query.words.split())
    return [view(paper, here=votes.get(paper.id, 0), words=words) for paper in found]


async def paper(request: Request) -> Response:
    """One paper, with similar ones of the last days."""
    tools, asked = front(request), request.path_params["paper"]
    async with tools.db.read() as conn:
        found = (await papers.by_ids(conn, [asked])).get(asked)
        votes = await trending.votes_here(conn, [found.id]) if found else {}
    if found is None:
        raise HTTPException(404)
    edition = await tools.catalogue.edition()
    key = ("similar", found.id)
    if key not in edition.kept:
        similar = await asyncio.to_thread(_similar, edition, found)
        edition.keep(key, lambda: similar)
    return tools.pages.page(
        "paper.html",
        headers=_PUBLIC,
        view=view(found, here=votes.get(found.id, 0), whole=True),
        paper=found,
        shown=found.open,
        similar=edition.keep(key, list),
    )


def _similar(edition: Edition, found: Paper) -> list[View]:
    """What is nearest to this paper; without scores, which tell how sure a whole topic is."""
    topic = Topic(name=found.title, liked=(found.id,))
    [matches] = rank(edition.reading.index, [topic], examples={found.id: found}, limit=SIMILAR + 1)
    ids = [match.paper_id for match in matches if match.paper_id != found.id]
    return title_views(ids, edition.papers)[:SIMILAR]


def _day(text: str) -> datetime | None:
    try:
        return _midnight(date.fromisoformat(text.strip())) if text.strip() else None
    except (ValueError, OverflowError):
        return None


def _midnight(day: date) -> datetime:
    if not 1990 <= day.year <= 2200:
        raise ValueError("no year of ours")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
