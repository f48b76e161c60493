"""Papers and the keys that find them. Contains no business logic: who is the same paper is decided elsewhere.

Every statement takes a batch; none is issued per paper. Orders are made here and not by the database, whose
collations differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Label, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest import identifiers
from digest.models import Announcement, Paper
from digest.storage.database import chunks
from digest.storage.passes import newest_pass, pass_before
from digest.storage.tables import aliases, mailed, papers, votes

__all__ = [
    "absorb",
    "add_aliases",
    "by_ids",
    "by_keys",
    "count",
    "heat",
    "insert_papers",
    "newest_pass",
    "numbers",
    "pass_before",
    "revised",
    "trending",
    "update_papers",
    "votes_here",
    "window",
]

#: How far back `trending` looks: the power 1.5 of the age leaves nothing older a chance.
TRENDING_DAYS = 30

_FIELDS = tuple(field.name for field in fields(Paper))
_LISTS = ("authors", "categories", "families")
_COLUMNS = [papers.c[name] for name in _FIELDS]


async def window(conn: AsyncConnection, from_pass: int, to_pass: int) -> list[Paper]:
    """Papers that became eligible in passes > `from_pass` and <= `to_pass`, not withdrawn, ordered by id."""
    return await _papers(
        conn,
        papers.c.eligible_pass > from_pass,
        papers.c.eligible_pass <= to_pass,
        papers.c.withdrawn.is_(False),
    )


async def revised(conn: AsyncConnection, from_pass: int, to_pass: int) -> list[Paper]:
    """Papers whose present version came in passes > `from_pass` and <= `to_pass`, ordered by id."""
    return await _papers(
        conn,
        papers.c.revised_pass > from_pass,
        papers.c.revised_pass <= to_pass,
        papers.c.withdrawn.is_(False),
    )


async def last_change(conn: AsyncConnection, at_pass: int) -> int:
    """The newest pass <= `at_pass` that made papers eligible or brought new versions; 0 if there is none."""
    eligible = select(func.max(papers.c.eligible_pass)).where(papers.c.eligible_pass <= at_pass)
    revised_ = select(func.max(papers.c.revised_pass)).where(papers.c.revised_pass <= at_pass)
    return max(int(await conn.scalar(eligible) or 0), int(await conn.scalar(revised_) or 0))


async def by_ids(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, Paper]:
    """Stored papers under any form of their ids ("2312.11825", "doi:10.1101/…"), keyed by what was asked."""
    keys = {asked: identifiers.key(asked) for asked in ids}
    found = await by_keys(conn, {key for key in keys.values() if key})
    return {asked: found[key][1] for asked, key in keys.items() if key in found}


async def numbers(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, int]:
    """The compact number of each stored paper, keyed by what was asked; unknown ids are absent."""
    keys = {asked: identifiers.key(asked) for asked in ids}
    found: dict[str, int] = {}
    for some in chunks(sorted({key for key in keys.values() if key})):
        rows = await conn.execute(select(aliases.c.key, aliases.c.paper).where(aliases.c.key.in_(some)))
        found.update((row.key, row.paper) for row in rows)
    return {asked: found[key] for asked, key in keys.items() if key in found}


async def count(conn: AsyncConnection) -> int:
    """How many papers are stored."""
    return int(await conn.scalar(select(func.count()).select_from(papers)) or 0)


def votes_here() -> Label[int]:
    """Likes less dislikes of readers here, as the column `here`; asked paper by paper, never of all votes."""
    mine = select(func.sum(votes.c.value)).where(votes.c.paper == papers.c.number)
    return mine.scalar_subquery().label("here")


async def trending(conn: AsyncConnection, now: datetime, limit: int) -> list[Paper]:
    """Best by (votes here + Hugging Face's) / (age in days + 2)^1.5; no votes: newest first; ties by id."""
    query = select(
        papers.c.number,
        papers.c.id,
        papers.c.votes,
        papers.c.published_at,
        papers.c.eligible_at,
        votes_here(),
    ).where(papers.c.eligible_at >= now - timedelta(days=TRENDING_DAYS), papers.c.withdrawn.is_(False))
    ranked = sorted(heat(row, now) for row in await conn.execute(query))[:limit]
    best = [number for *_, number in ranked]
    found = {
        row.number: _paper(row)
        for row in await conn.execute(select(papers.c.number, *_COLUMNS).where(papers.c.number.in_(best)))
    }
    return [found[number] for number in best]


def heat(row: Any, now: datetime) -> tuple[float, float, str, int]:
    """Sort key of one paper, the hottest first: minus heat, age in days, id; then its number."""
    since = row.published_at or row.eligible_at
    age = max((now - since) / timedelta(days=1), 0.0)
    return -((row.votes or 0) + (row.here or 0)) / (age + 2) ** 1.5, age, row.id, row.number


async def by_keys(conn: AsyncConnection, keys: Iterable[str]) -> dict[str, tuple[int, Paper]]:
    """Stored papers with their numbers, by alias key; unknown keys are absent."""
    found: dict[str, tuple[int, Paper]] = {}
    once: dict[int, tuple[int, Paper]] = {}
    columns = [aliases.c.key, papers.c.number, *_COLUMNS]
    query = select(*columns).join(papers, papers.c.number == aliases.c.paper)
    for some in chunks(sorted(keys)):
        for row in await conn.execute(query.where(aliases.c.key.in_(some))):
            if row.number not in once:
                once[row.number] = (row.number, _paper(row))
            found[row.key] = once[row.number]
    return found


async def insert_papers(conn: AsyncConnection, new: Sequence[Paper]) -> dict[str, int]:
    """Store papers that are not stored yet; their numbers by id."""
    for some in chunks(new, 1_000):
        await conn.execute(insert(papers), [_values(paper) for paper in some])
    given: dict[str, int] = {}
    for ids in chunks([paper.id for paper in new]):
        rows = await conn.execute(select(papers.c.id, papers.c.number).where(papers.c.id.in_(ids)))
        given.update((row.id, row.number) for row in rows)
    return given


async def update_papers(
    conn: AsyncConnection, changed: Mapping[int, Paper], revised_pass: Mapping[int, int]
) -> None:
    """Write papers anew under their numbers; `revised_pass` names those that got a higher version."""
    if not changed:
        return
    statement = update(papers).where(papers.c.number == bindparam("which"))
    rows = [{"which": number, **_values(paper)} for number, paper in changed.items()]
    await conn.execute(statement.values({name: bindparam(name) for name in _FIELDS}), rows)
    if revised_pass:
        await conn.execute(
            statement.values(revised_pass=bindparam("since")),
            [{"which": number, "since": since} for number, since in revised_pass.items()],
        )


async def add_aliases(conn: AsyncConnection, keys: Mapping[str, int]) -> None:
    """Let new keys find papers; the keys must be unknown."""
    rows = [{"key": key, "paper": number} for key, number in keys.items()]
    for some in chunks(rows, 5_000):
        await conn.execute(insert(aliases), list(some))


async def absorb(conn: AsyncConnection, keep: int, gone: int) -> None:
    """Make one paper of two stored ones: `keep` inherits aliases, votes and mailed rows of `gone`."""
    await conn.execute(update(aliases).where(aliases.c.paper == gone).values(paper=keep))
    for table in (mailed, votes):
        also = select(table.c.subscriber_id).where(table.c.paper == keep).scalar_subquery()
        await conn.execute(delete(table).where(table.c.paper == gone, table.c.subscriber_id.in_(also)))
        await conn.execute(update(table).where(table.c.paper == gone).values(paper=keep))
    await conn.execute(delete(papers).where(papers.c.number == gone))


async def _papers(conn: AsyncConnection, *conditions: ColumnElement[bool]) -> list[Paper]:
    rows = await conn.execute(select(*_COLUMNS).where(*conditions))
    return sorted((_paper(row) for row in rows), key=lambda paper: paper.id)


def _paper(row: Any) -> Paper:
    values = {name: getattr(row, name) for name in _FIELDS}
    values.update((name, tuple(values[name])) for name in _LISTS)
    values["announced"] = Announcement(values["announced"])
    return Paper(**values)


def _values(paper: Paper) -> dict[str, Any]:
    values = {name: getattr(paper, name) for name in _FIELDS}
    values.update((name, list(values[name])) for name in _LISTS)
    return values
