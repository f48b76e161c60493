"""The first step of a pass: ask the sources, read their answers, store their papers.

    sources ─fetch→ bytes ─parse→ entries ─identify→ papers ─one transaction a source→ stored

Sources are asked all at once and stored in their configured order, each in one transaction with its
validators: a crash loses the work of no source that was stored, and no ETag outlives papers that were not.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from digest.errors import BusyError
from digest.ingest.child import Reader
from digest.ingest.fetch import Fetcher
from digest.ingest.identity import Occasion, Resolved
from digest.ingest.registries import Registry
from digest.models import Entry, Source, SourceKind, SourceState
from digest.pipeline.asking import Asked, ask
from digest.pipeline.backfill import fill
from digest.pipeline.judging import gap_of, judged
from digest.pipeline.liked import asked_of, fetch_liked
from digest.pipeline.storing import store_entries
from digest.storage import papers, passes
from digest.storage import sources as stored_sources
from digest.storage.database import Database
from digest.storage.sources import Status

Clock = Callable[[], datetime]

#: Called with a source's name, the steps done and the steps known so far.
Progress = Callable[[str, int, int], None]

log = structlog.get_logger("digest.ingest")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What one source gave in a pass."""

    name: str
    state: SourceState | None  # None: never asked
    since: datetime | None = None
    last_new_at: datetime | None = None
    entries: int = 0
    new: int = 0  # papers seen for the first time, each counted at the first source that brought it
    updated: int = 0  # papers that were stored before and changed
    error: str | None = None
    kinds: Mapping[str, int] = field(default_factory=dict)  # entries by announcement
    revised: int = 0  # papers with a higher version than before this pass
    joined: int = 0  # papers that another source had brought before

    def to_json(self) -> dict[str, Any]:
        """The promised shape."""
        return {
            "name": self.name,
            "state": self.state,
            "since": _iso(self.since),
            "last_new_at": _iso(self.last_new_at),
            "entries": self.entries,
            "new": self.new,
            "updated": self.updated,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What one pass of ingestion gave."""

    number: int
    sources: tuple[SourceReport, ...] = ()
    papers: int = 0  # stored altogether

    @property
    def failed(self) -> bool:
        """True if a source gave no usable answer: the exit status is 1."""
        return any(source.state is SourceState.FAILED for source in self.sources)

    def to_json(self) -> dict[str, Any]:
        """The promised shape."""
        sources = [source.to_json() for source in self.sources]
        return {"pass": self.number, "sources": sources, "papers": self.papers}


async def ingest(
    db: Database,
    sources: Sequence[Source],
    *,
    clock: Clock,
    grace: timedelta = timedelta(hours=3),
    progress: Progress | None = None,
    fetcher: Fetcher | None = None,
    reader: Reader | None = None,
    registries: Sequence[Registry] | None = None,
) -> IngestReport:
    """Ask every source and store what is new; a source that fails is reported and stops no other.

    `grace` is how long a batch may be overdue before its source is late; `registries` are asked for liked
    papers, by default those on the internet if a source is there. Raises StorageError.
    """
    now = clock()
    number, before = await _begin(db, sources, now)
    step = progress or (lambda *_: None)
    async with fetcher or Fetcher() as way_out, reader or Reader() as child:
        asking = [
            asyncio.create_task(_ask(db, source, before[source.name], way_out, child, now, step))
            for source in sources
        ]
        try:
            reports = [
                await _store(db, source, before[source.name], await task, number, clock(), grace)
                for source, task in zip(sources, asking, strict=True)
            ]
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        asked = asked_of(sources) if registries is None else registries
        await fetch_liked(db, asked, way_out, child, number=number, now=now, progress=step)
    async with db.write() as conn:
        report = IngestReport(number=number, sources=tuple(reports), papers=await papers.count(conn))
        await passes.commit(conn, number, clock(), report.to_json())
    return report


async def _begin(db: Database, sources: Sequence[Source], now: datetime) -> tuple[int, dict[str, Status]]:
    """Open a pass: its number, and how each source stood before it."""
    async with db.write() as conn:
        await stored_sources.follow(conn, sources)
        before = {status.name: status for status in await stored_sources.statuses(conn)}
        return await passes.start(conn, now), before


async def _ask(
    db: Database,
    source: Source,
    status: Status,
    fetcher: Fetcher,
    reader: Reader,
    now: datetime,
    progress: Progress,
) -> Asked | None:
    """None if the source rests."""
    if status.next_fetch_at is not None and status.next_fetch_at > now:
        return None
    async with db.read() as conn:
        known = await stored_sources.validators(conn, source.name)

    def step(done: int, total: int) -> None:
        progress(source.name, done, total)

    try:
        asked = await ask(source, known, fetcher, reader, now=now, step=step)
        gap = gap_of(status, asked.documents, now)
        if gap is not None and not asked.failed and (gap.retry_at is None or gap.retry_at <= now):
            asked.filled, asked.gap, asked.gap_error = await fill(
                source, gap, fetcher, reader, now=now, step=step
            )
        else:
            asked.gap = gap
    except Exception as error:  # a mistake of ours costs one source and not the morning's mail
        log.exception("ingest.mistake", source=source.name)
        return Asked(
            failed=True, error=f"an error in digest itself ({type(error).__name__}: {error}); see the log"
        )
    return asked


async def _store(
    db: Database,
    source: Source,
    status: Status,
    asked: Asked | None,
    number: int,
    now: datetime,
    grace: timedelta,
) -> SourceReport:
    """One source's papers, state and validators in one transaction."""
    if asked is None:
        return _report(source, status, [])
    async with db.write() as conn:
        if await passes.newest_started(conn) != number:
            raise BusyError(
                "another process has started a pass meanwhile; this one stops, nothing stored is lost"
            )
        entries = [entry for document in asked.documents for entry in document.entries]
        resolved = await store_entries(conn, [*entries, *asked.filled], _occasion(source, number, now))
        after = judged(source, status, asked, entries, now=now, grace=grace)
        await stored_sources.record(conn, after)
        await stored_sources.keep(conn, source.name, asked.kept)
        await stored_sources.forget(conn, source.name, asked.dropped)
    report = _report(source, after, entries, resolved)
    log.info("ingest.source", source=source.name, state=after.state, entries=len(entries), new=report.new)
    return report


def _occasion(source: Source, number: int, now: datetime) -> Occasion:
    return Occasion(
        source=source.name,
        family=source.family,
        open=source.open,
        number=number,
        at=now,
        recorded=source.kind is SourceKind.EXAMPLE,
    )


def _report(
    source: Source, status: Status, entries: Sequence[Entry], resolved: Sequence[Resolved] = ()
) -> SourceReport:
    return SourceReport(
        name=source.name,
        state=status.state,
        since=status.state_since,
        last_new_at=status.last_new_at,
        entries=len(entries),
        new=sum(one.before is None for one in resolved),
        updated=sum(one.before is not None and one.changed for one in resolved),
        error=status.error,
        kinds=Counter(str(entry.announced) for entry in entries),
        revised=sum(one.revised for one in resolved),
        joined=sum(one.before is not None and source.family not in one.before.families for one in resolved),
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
