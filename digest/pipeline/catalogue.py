"""What the public pages show, prepared once a pass: the window's index, the trending list, previews.

newest pass ─window, index→ edition ─topics→ issue (as it would be frozen now; nothing is stored)

An edition is built off the event loop and replaced when a pass was committed or its votes are ten
minutes old; while the next is built, readers get the present one.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.compose.freeze import freeze
from digest.compose.steady import AnyComposer
from digest.match.rank import rank
from digest.match.variety import choose_varied, drop_twins
from digest.models import Issue, Match, Paper, Subscriber, Topic
from digest.pipeline.window import (
    FIRST_WINDOW,
    Reading,
    first_pass,
    hottest,
    open_window,
    unheard_in,
    with_reasons,
)
from digest.storage import issues, papers, passes, trending
from digest.storage.database import Database
from digest.storage.trending import Listed

Clock = Callable[[], datetime]

#: How often the database is asked for a newer pass, and how old votes may be.
LOOK_SECONDS, STALE_SECONDS = 2.0, 600.0

#: Papers of the public trending list, and windows and previews that are kept.
HOT, WINDOWS, KEPT = 60, 3, 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An issue as it would be now, with its papers."""

    issue: Issue
    papers: Mapping[str, Paper]
    unheard: Mapping[Topic, Sequence[str]]  # words that no paper holds, of topics that have any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edition:
    """Everything public of one pass; `kept` holds what pages derive from it."""

    number: int
    made_at: datetime
    reading: Reading
    papers: Mapping[str, Paper]
    hot: tuple[Listed, ...]  # of the newest day with papers
    day: datetime | None
    composer: AnyComposer
    built: float  # monotonic
    kept: OrderedDict[Any, Any] = field(default_factory=OrderedDict)

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives for this key, made once; the longest unused is dropped."""
        if key not in self.kept:
            self.kept[key] = make()
            if len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        self.kept.move_to_end(key)
        return self.kept[key]


class Catalogue:
    """The present edition, and the windows of readers who look at their next issue."""

    def __init__(self, db: Database, clock: Clock, composer: Callable[[], AnyComposer]) -> None:
        """`composer` makes the composer of a pass."""
        self._db = db
        self._clock = clock
        self._composer = composer
        self._edition: Edition | None = None
        self._looked = 0.0
        self._building: asyncio.Task[Edition] | None = None
        self._windows: OrderedDict[tuple[int, int], Reading] = OrderedDict()
        self._opening = asyncio.Lock()

    async def edition(self) -> Edition:
        """The present edition; readers wait only for the very first one with papers."""
        if self._edition is None or not self._edition.papers:
            return await self._first()
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            if await self._is_old(self._edition):
                self._build()
        return self._edition

    def prepare(self) -> None:
        """Begin to build the first edition, so that the first reader waits less."""
        self._build()

    async def fresh(self) -> Edition:
        """The edition of the newest pass, waited for."""
        return await asyncio.shield(self._build())

    async def close(self) -> None:
        """Wait for an edition that is being built."""
        if self._building is not None:
            await asyncio.gather(self._building, return_exceptions=True)

    async def issue(self, subscriber: Subscriber, now: datetime) -> Shown:
        """The next issue of a stored subscriber (with any unsaved choices), as it would be now."""
        async with self._db.read() as conn:
            start, newest = await first_pass(conn, subscriber, now), await passes.newest_pass(conn)
            reading = await self._read(conn, start, newest, now)
            examples = await _examples(conn, subscriber)
            seen = await issues.reserved_ids(conn, subscriber.id)
        issue = await asyncio.to_thread(choose, reading, subscriber, now, examples, seen)
        unheard = unheard_in(reading, subscriber.topics)
        return Shown(issue=issue, papers=_known(reading), unheard=unheard)

    async def week(self, subscriber: Subscriber, now: datetime) -> Shown:
        """What the last seven days hold for these choices, whatever was mailed already."""
        edition = await self.edition()
        async with self._db.read() as conn:
            examples = await _examples(conn, subscriber)
        issue = await asyncio.to_thread(choose, edition.reading, subscriber, now, examples)
        unheard = unheard_in(edition.reading, subscriber.topics)
        return Shown(issue=issue, papers=edition.papers, unheard=unheard)

    async def _read(self, conn: AsyncConnection, start: int, newest: int, now: datetime) -> Reading:
        """The window of these passes. Most passes bring nothing: bounds without papers between share one.

        Windows that end before the newest papers are dropped first: nobody will ask for them again, and
        one of a week takes 50 MB.
        """
        bounds = await papers.last_change(conn, start), await papers.last_change(conn, newest)
        async with self._opening:
            for old in [other for other in self._windows if other[1] < bounds[1]]:
                del self._windows[old]
            if bounds not in self._windows:
                self._windows[bounds] = await open_window(conn, *bounds, now)
            self._windows.move_to_end(bounds)
            reading = self._windows[bounds]
            while len(self._windows) > WINDOWS:
                self._windows.popitem(last=False)
        return replace(reading, hot=await hottest(conn, now))

    async def _first(self) -> Edition:
        """The first edition with papers; an empty one only while no newer pass is there."""
        edition = self._edition
        if edition is None:
            edition = await asyncio.shield(self._build())
        while not edition.papers and await self._is_old(edition):
            edition = await asyncio.shield(self._build())
        return edition

    def _build(self) -> "asyncio.Task[Edition]":
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._make())
        return self._building

    async def _is_old(self, edition: Edition) -> bool:
        async with self._db.read() as conn:
            newest = await passes.newest_pass(conn)
        return newest != edition.number or time.monotonic() - edition.built > STALE_SECONDS

    async def _make(self) -> Edition:
        now, old = self._clock(), self._edition
        async with self._db.read() as conn:
            newest = await passes.newest_pass(conn)
            start = await passes.pass_before(conn, now - FIRST_WINDOW)
            reading = await self._read(conn, start, newest, now)
            day = await trending.newest_day(conn)
            hot = await _hottest(conn, day, now)
        await asyncio.to_thread(warm, reading, now)
        composer = old.composer if old and old.number == newest else await asyncio.to_thread(self._composer)
        self._edition = Edition(
            number=newest,
            made_at=now,
            reading=reading,
            papers=_known(reading) | {one.paper.id: one.paper for one in hot},
            hot=tuple(hot),
            day=day,
            composer=composer,
            built=time.monotonic(),
        )
        self._looked = time.monotonic()
        return self._edition


def choose(
    reading: Reading,
    subscriber: Subscriber,
    now: datetime,
    examples: Mapping[str, Paper],
    seen: set[str] | frozenset[str] = frozenset(),
) -> Issue:
    """The issue that the window holds for a subscriber; the same rank and freeze as in `compose`.

    Only matches at or above the cut are asked for in full, and of the others the best, for the note.
    """
    topics, cut = subscriber.topics, subscriber.cut
    found = rank(reading.index, topics, examples=examples, cut=cut, or_best=True, reasons=False)
    due_at = subscriber.next_issue_at or now
    reader = replace(subscriber, next_issue_at=due_at)
    issue = freeze(
        reader,
        reading.window,
        [*zip(topics, found, strict=True)],
        due_at=due_at,
        seen=seen,
        hot=reading.hot,
        revised=reading.revised,
        vary=partial(choose_varied, reading.index),
        distinct=partial(drop_twins, reading.index),
    )
    return with_reasons(reading, reader, issue, examples)


def nearest(reading: Reading, topics: Sequence[Topic], limit: int) -> list[Match]:
    """The best of all topics whatever the cut, each paper once: what a day without a mail came close to."""
    best: dict[str, Match] = {}
    for found in rank(reading.index, topics, limit=limit):
        for match in found:
            if match.paper_id not in best or match.score > best[match.paper_id].score:
                best[match.paper_id] = match
    return sorted(best.values(), key=lambda match: (-match.score, match.paper_id))[:limit]


def warm(reading: Reading, now: datetime) -> None:
    """Do now what the first reader would wait for: weights, twins, the words of the papers as signs."""
    if reading.window.papers:
        anybody = Subscriber(id=0, email="", topics=(Topic(name="language models"),), cut=0.0)
        choose(reading, anybody, now, {})


def _known(reading: Reading) -> dict[str, Paper]:
    return {paper.id: paper for paper in (*reading.hot, *reading.revised, *reading.window.papers)}


async def _examples(conn: AsyncConnection, subscriber: Subscriber) -> dict[str, Paper]:
    named = {one for topic in subscriber.topics for one in (*topic.liked, *topic.disliked)}
    return await papers.by_ids(conn, named)


async def _hottest(conn: AsyncConnection, day: datetime | None, now: datetime) -> list[Listed]:
    """The list of the newest day that has papers: on a Sunday that is Friday's."""
    if day is None:
        return []
    start = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return await trending.listed(conn, start, start + timedelta(days=1), now, HOT)
