"""Issues, and the papers that are reserved for each subscriber by them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Issue, Match
from digest.storage.database import chunks
from digest.storage.tables import issues, mailed, papers


async def record(conn: AsyncConnection, frozen: Sequence[Issue], now: datetime) -> list[int]:
    """Store issues; their ids in the same order. One due time of one subscriber is stored once."""
    if not frozen:
        return []
    rows = [_row(issue) | {"created_at": now} for issue in frozen]
    statement = insert(issues).returning(issues.c.id, sort_by_parameter_order=True)
    return [int(number) for number in (await conn.execute(statement, rows)).scalars()]


async def reserve(conn: AsyncConnection, pairs: Iterable[tuple[int, int]]) -> None:
    """Reserve papers (by number) for subscribers: no later issue shows them again."""
    rows = [{"subscriber_id": reader, "paper": paper} for reader, paper in pairs]
    if rows:
        await conn.execute(insert(mailed), rows)


async def reserved(
    conn: AsyncConnection, readers: Iterable[int], numbers: Iterable[int]
) -> set[tuple[int, int]]:
    """Which of the papers (numbers) are already reserved for which of the readers."""
    wanted = sorted(set(numbers))
    found: set[tuple[int, int]] = set()
    for part in chunks(sorted(set(readers))):
        for papers_part in chunks(wanted):
            query = select(mailed.c.subscriber_id, mailed.c.paper)
            query = query.where(mailed.c.subscriber_id.in_(part), mailed.c.paper.in_(papers_part))
            found.update((row.subscriber_id, row.paper) for row in await conn.execute(query))
    return found


async def reserved_ids(conn: AsyncConnection, subscriber_id: int) -> set[str]:
    """Ids of every paper that this reader was sent."""
    query = select(papers.c.id).join(mailed, mailed.c.paper == papers.c.number)
    rows = await conn.execute(query.where(mailed.c.subscriber_id == subscriber_id))
    return set(rows.scalars())


async def last_due_at(conn: AsyncConnection, subscriber_id: int) -> datetime | None:
    """The newest due time that this reader had an issue for."""
    query = select(func.max(issues.c.due_at)).where(issues.c.subscriber_id == subscriber_id)
    found: datetime | None = await conn.scalar(query)
    return found


async def by_ids(conn: AsyncConnection, ids: Iterable[int]) -> dict[int, Issue]:
    """Id -> issue."""
    found: dict[int, Issue] = {}
    for part in chunks(sorted(set(ids))):
        for row in await conn.execute(select(issues).where(issues.c.id.in_(part))):
            found[row.id] = _issue(row)
    return found


async def latest(conn: AsyncConnection, limit: int = 20) -> list[Issue]:
    """The newest issues, newest first."""
    query = select(issues).order_by(issues.c.id.desc()).limit(limit)
    return [_issue(row) for row in await conn.execute(query)]


async def latest_of(conn: AsyncConnection, subscriber_id: int) -> Issue | None:
    """The newest issue of one subscriber."""
    query = select(issues).where(issues.c.subscriber_id == subscriber_id)
    row = (await conn.execute(query.order_by(issues.c.due_at.desc()).limit(1))).first()
    return _issue(row) if row else None


async def of_subscriber(conn: AsyncConnection, subscriber_id: int, limit: int = 1000) -> list[Issue]:
    """The issues of one subscriber, newest first."""
    query = select(issues).where(issues.c.subscriber_id == subscriber_id)
    rows = await conn.execute(query.order_by(issues.c.due_at.desc()).limit(limit))
    return [_issue(row) for row in rows]


async def count(conn: AsyncConnection) -> int:
    """How many issues there are."""
    return int((await conn.execute(select(func.count()).select_from(issues))).scalar_one())


def _row(issue: Issue) -> dict[str, Any]:
    return {
        "subscriber_id": issue.subscriber_id,
        "due_at": issue.due_at,
        "from_pass": issue.from_pass,
        "to_pass": issue.to_pass,
        "considered": issue.considered,
        "matched": issue.matched,
        "shown": [_frozen(match) for match in issue.shown],
        "left_out": [_frozen(match) for match in issue.left_out],
        "trending": list(issue.trending),
        "revised": list(issue.revised),
        "note": issue.note,
    }


def _frozen(match: Match) -> list[Any]:
    return [match.paper_id, match.topic, match.score, list(match.because)]


def _match(frozen: Sequence[Any]) -> Match:
    paper_id, topic, score, because = frozen
    return Match(paper_id, topic, score, tuple(because))  # by place: twenty a message, half the time


def _issue(row: Row[Any]) -> Issue:
    """A row of `issues`, taken by place: by name each column costs ten times as much."""
    values: Any = row
    number, reader, due_at, _, from_pass, to_pass, considered, matched, shown, left_out, *others = values
    trending, revised, note = others
    return Issue(
        id=number,
        subscriber_id=reader,
        due_at=due_at,
        from_pass=from_pass,
        to_pass=to_pass,
        considered=considered,
        matched=matched,
        shown=tuple(map(_match, shown)),
        left_out=tuple(map(_match, left_out)),
        trending=tuple(trending),
        revised=tuple(revised),
        note=note,
    )
