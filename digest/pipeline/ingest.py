"""The first step of a pass: ask the sources, read their answers, store their papers.

sources ─fetch→ bytes ─parse→ entries ─identify→ papers ─one transaction a source→ stored
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digest.models import Source, SourceState
from digest.storage import papers, passes
from digest.storage.database import Database

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What one source gave in a pass."""

    name: str
    state: SourceState | None  # None: never asked
    since: datetime | None = None
    last_new_at: datetime | None = None
    entries: int = 0
    new: int = 0  # papers seen for the first time, each counted at the first source that brought it
    updated: int = 0
    error: str | None = None

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


async def ingest(db: Database, sources: Sequence[Source], *, clock: Clock) -> IngestReport:
    """Ask every source and store what is new; a source that fails is reported and stops no other."""
    async with db.write() as conn:
        number = await passes.start(conn, clock())
    report = IngestReport(number=number)
    async with db.write() as conn:
        report = IngestReport(number=number, papers=await papers.count(conn))
        await passes.commit(conn, number, clock(), report.to_json())
    return report


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
