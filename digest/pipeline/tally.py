"""Figures that need a walk over many rows: counted aside, kept in the database, shown as of their time.

A day of a million issues takes some seconds to count. So a day is counted until its last deliveries must
have ended, then never again; a page shows what was counted last, and has it counted anew meanwhile.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from digest.errors import StorageError
from digest.pipeline import alarm
from digest.storage import facts, operations, rates
from digest.storage.database import Database
from digest.storage.outbox import OVERDUE_AFTER

#: Days of the charts.
DAYS = 30

#: A delivery ends within so many days, the operator's word and the last answer of a server included.
ENDS_AFTER = OVERDUE_AFTER + timedelta(days=3)

#: A count that took longer is not waited for, and begins again after so many times as long.
QUICK_SECONDS, REST = 0.5, 20.0

#: The first count of all is waited for so long.
FIRST_SECONDS = 5.0

_FACT = "tally"

log = structlog.get_logger("digest.tally")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted, and when."""

    at: datetime | None = None  # None: nothing yet
    days: Mapping[date, Mapping[str, int]] = field(default_factory=dict)  # day -> state -> issues made
    readers: Mapping[str, int] = field(default_factory=dict)  # by status
    mailed: int = 0  # issues handed over in the last day
    took: float = 0.0  # seconds to count

    def states(self) -> dict[str, int]:
        """State -> issues of all days; `quiet` ones have no delivery and are left out."""
        found: dict[str, int] = {}
        for states in self.days.values():
            for state, number in states.items():
                found[state] = found.get(state, 0) + number
        found.pop(operations.QUIET, None)
        return found


async def last(db: Database) -> Tally:
    """What was counted last."""
    async with db.read() as conn:
        return _read(await facts.fact(conn, _FACT))


async def count(db: Database, now: datetime, *, go_on: Callable[[], bool] = lambda: True) -> Tally:
    """Count what may have changed since the last time, each day by itself; stops if it may not go on."""
    before = await last(db)
    if before.at and before.at > now:  # of a clock that was wrong
        before = Tally()
    days = {}
    for day in (now.date() - timedelta(days=back) for back in reversed(range(DAYS))):
        if not go_on():
            return before
        days[day] = before.days.get(day, {}) if _is_closed(day, before.at) else await _made_on(db, day)
    async with db.read() as conn:
        readers = await operations.readers_by_status(conn)
        mailed = await rates.mailed(conn, now - alarm.SPAN)
    return Tally(at=now, days=days, readers=readers, mailed=mailed)


async def recount(db: Database, now: datetime, *, go_on: Callable[[], bool] = lambda: True) -> Tally:
    """Count and keep."""
    began = time.monotonic()
    tally = replace(await count(db, now, go_on=go_on), took=time.monotonic() - began)
    if go_on():
        async with db.write() as conn:
            await facts.keep(conn, _FACT, to_json(tally), now)
    return tally


async def _made_on(db: Database, day: date) -> dict[str, int]:
    async with db.read() as conn:
        return await operations.made_on(conn, day)


def _is_closed(day: date, counted_at: datetime | None) -> bool:
    """Was it counted after its last delivery must have ended?"""
    return counted_at is not None and counted_at.date() - day > ENDS_AFTER


class Tallies:
    """The newest tally for pages that cannot wait; one count at a time."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        """Counts nothing yet."""
        self._db = db
        self._clock = clock
        self._counting: asyncio.Task[Tally] | None = None
        self._closed = False

    async def newest(self) -> Tally:
        """Counted now where that is quick; else what was counted last, while it is counted anew."""
        known = await last(self._db)
        quick = known.took <= QUICK_SECONDS
        if known.at and not quick and self._clock() - known.at < REST * timedelta(seconds=known.took):
            return known
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(self._count(known))
        patience = FIRST_SECONDS if quick or known.at is None else 0.0
        done, _ = await asyncio.wait({self._counting}, timeout=patience)
        return self._counting.result() if done else known

    async def close(self) -> None:
        """End a count that goes on, between two days."""
        self._closed = True
        if self._counting is not None:
            await asyncio.gather(self._counting, return_exceptions=True)

    async def _count(self, known: Tally) -> Tally:
        try:
            return await recount(self._db, self._clock(), go_on=lambda: not self._closed)
        except StorageError as error:
            log.warning("tally.failed", reason=str(error))
            return known


def to_json(tally: Tally) -> dict[str, Any]:
    """As it is kept."""
    return {
        "at": tally.at.isoformat() if tally.at else None,
        "days": {day.isoformat(): dict(states) for day, states in tally.days.items()},
        "readers": dict(tally.readers),
        "mailed": tally.mailed,
        "took": tally.took,
    }


def _read(value: Any) -> Tally:
    if not value:
        return Tally()
    return Tally(
        at=datetime.fromisoformat(value["at"]),
        days={date.fromisoformat(day): states for day, states in value["days"].items()},
        readers=value["readers"],
        mailed=value["mailed"],
        took=value["took"],
    )
