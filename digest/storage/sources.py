"""Sources, their states and the validators of their addresses. Contains no business logic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Source, SourceState
from digest.storage.database import chunks
from digest.storage.tables import fetches, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is known of a source from its last answers."""

    name: str
    state: SourceState | None = None  # None: never asked
    state_since: datetime | None = None
    checked_at: datetime | None = None
    changed_at: datetime | None = None  # when an answer last differed from the one before
    last_new_at: datetime | None = None
    next_fetch_at: datetime | None = None  # not asked again before
    failures: int = 0  # in a row
    error: str | None = None
    batch: Mapping[str, Any] | None = (
        None  # {"date", "ids"} of the last full answer, or "since" when one is awaited
    )
    day: date | None = None  # the last publishing day that was read
    gap: Mapping[str, Any] | None = None  # publishing days that nobody read


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Validators of one address: what makes the next request for it conditional."""

    url: str
    etag: str | None
    last_modified: str | None
    body_hash: str | None
    fetched_at: datetime


_COLUMNS = tuple(sources.c[name] for name in Status.__dataclass_fields__)


async def follow(conn: AsyncConnection, configured: Sequence[Source]) -> None:
    """Make the configured sources the active ones; the others keep their history."""
    stored = set(await conn.scalars(select(sources.c.name)))
    await conn.execute(update(sources).values(active=False))
    for source in configured:
        values = {"family": source.family, "kind": source.kind, "url": source.url, "active": True}
        if source.name in stored:
            await conn.execute(update(sources).where(sources.c.name == source.name).values(**values))
        else:
            await conn.execute(insert(sources).values(name=source.name, failures=0, **values))


async def statuses(conn: AsyncConnection) -> list[Status]:
    """The active sources, ordered by name."""
    rows = await conn.execute(select(*_COLUMNS).where(sources.c.active))
    found = (dict(row._mapping) for row in rows)
    made = (Status(**{**row, "state": SourceState(row["state"]) if row["state"] else None}) for row in found)
    return sorted(made, key=lambda status: status.name)


async def record(conn: AsyncConnection, status: Status) -> None:
    """Write what the last answer of a source came to."""
    values = {name: getattr(status, name) for name in Status.__dataclass_fields__ if name != "name"}
    await conn.execute(update(sources).where(sources.c.name == status.name).values(**values))


async def validators(conn: AsyncConnection, source: str) -> Mapping[str, Kept]:
    """What is known of every address of a source, by address."""
    columns = tuple(fetches.c[name] for name in Kept.__dataclass_fields__)
    rows = await conn.execute(select(*columns).where(fetches.c.source == source))
    return {row.url: Kept(**row._mapping) for row in rows}


async def keep(conn: AsyncConnection, source: str, kept: Sequence[Kept]) -> None:
    """Remember the validators of addresses, in place of older ones."""
    await forget(conn, source, [one.url for one in kept])
    names = Kept.__dataclass_fields__
    rows = [{"source": source, **{name: getattr(one, name) for name in names}} for one in kept]
    if rows:
        await conn.execute(insert(fetches), rows)


async def forget(conn: AsyncConnection, source: str, urls: Sequence[str]) -> None:
    """Drop the validators of addresses: the next answer comes whole."""
    for some in chunks(urls):
        await conn.execute(delete(fetches).where(fetches.c.source == source, fetches.c.url.in_(some)))
