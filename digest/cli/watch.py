"""What `digest status` says about the last days and about what holds mail back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from digest.pipeline import alarm, epoch, faults, late, liked, tally
from digest.storage import operations, relays
from digest.storage.batches import batches
from digest.storage.database import Database

#: Days of the sparklines.
DAYS = tally.DAYS

#: Liked papers that nobody knows, in lines; `--json` lists them all.
UNKNOWN = 10

#: Mail servers and domains that wait, in lines; `--json` lists them all.
SERVERS = 10

_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What holds mail back, and the last days."""

    paused: str | None  # why nothing is sent
    held: epoch.Hold | None  # why a restored database sends nothing
    waiting: int  # issues that wait for a late batch
    awaited: Sequence[str]  # the sources that they wait for
    template: str | None  # what is wrong with the operator's templates
    oldest_due_at: datetime | None  # of what should have gone and has not
    papers: Mapping[str, Sequence[int]] = field(default_factory=dict)  # source -> new papers a day
    mailed: Sequence[int] = ()  # issues sent a day
    servers: Sequence[tuple[str, relays.Pause]] = ()  # mail servers and domains that get nothing now
    unknown: Sequence[str] = ()  # a sentence for each liked paper that nobody gave us

    def to_json(self) -> dict[str, Any]:
        """Beside the promised keys of `status --json`."""
        return {
            "paused": self.paused,
            "held": self.held.reason if self.held else None,
            "template": self.template,
            "waiting": self.waiting,
            "awaited": list(self.awaited),
            "unknown_liked": list(self.unknown),
            "left_alone": [
                {"server": name, "until": f"{pause.until:%Y-%m-%dT%H:%M:%SZ}", "reason": pause.reason}
                for name, pause in self.servers
            ],
        }


async def look(db: Database, now: datetime, templates: Path | None = None) -> Watch:
    """Read it all; changes nothing."""
    since = now - timedelta(days=DAYS)
    held, unknown = await epoch.held(db), await liked.unknown(db)
    counted = await tally.count(db, now)
    template = await faults.standing(db, templates)
    async with db.read() as conn:
        pause = await alarm.paused(conn)
        awaited = late.awaited(await batches(conn, late.CALENDARS), now)
        outbox = await operations.outbox(conn, now)
        brought = await operations.papers_a_day(conn, since)
        waiting = await operations.waiting_issues(conn)
        servers = await conn.run_sync(relays.waiting, now)
    days = [now.date() - timedelta(days=back) for back in reversed(range(DAYS))]
    return Watch(
        paused=pause.reason if pause else None,
        held=held,
        template=template,
        waiting=waiting,
        awaited=[batch.name for batch in awaited],
        oldest_due_at=outbox.oldest_due_at,
        papers={name: _by_day(counts, days) for name, counts in brought.items()},
        mailed=[counted.days.get(day, {}).get("sent", 0) for day in days],
        servers=servers,
        unknown=unknown,
    )


def _by_day(counts: Mapping[date, int], days: Sequence[date]) -> list[int]:
    return [counts.get(day, 0) for day in days]


def sparkline(values: Sequence[int]) -> str:
    """Numbers as a line of blocks; a day without anything is a dot. Pure."""
    top = max(values, default=0) or 1
    return "".join(_BLOCKS[(len(_BLOCKS) - 1) * value // top] if value else "·" for value in values)


def show(console: Console, found: Watch) -> None:
    """What keeps mails from going, then the days."""
    if found.held:
        console.print(f"HELD        {found.held.reason}; {found.held.remedy}", style="bold")
    if found.paused:
        console.print(f"PAUSED      {found.paused}; `digest status --resume` sends again", style="bold")
    if found.template:
        console.print(f"TEMPLATE    {found.template}; mails leave in the usual look", style="bold")
    if found.waiting:
        issues = "1 issue" if found.waiting == 1 else f"{found.waiting} issues"
        reasons = ", ".join(found.awaited) or "their sources, or for another try after a fault"
        console.print(f"waiting     {issues} for {reasons}")
    if found.oldest_due_at:
        console.print(f"unsent      something is due since {found.oldest_due_at:%Y-%m-%d %H:%M} UTC")
    for name, pause in found.servers[:SERVERS]:
        console.print(f"left alone  {escape(name)} until {pause.until:%H:%M} UTC: {escape(pause.reason)}")
    for sentence in found.unknown[:UNKNOWN]:
        console.print(f"liked       {escape(sentence)}")
    if (more := len(found.unknown) - UNKNOWN) > 0:
        console.print(f"liked       and {more} more: `digest status --json`")
    if found.papers:
        _show_days(console, found)


def _show_days(console: Console, found: Watch) -> None:
    table = Table(f"last {DAYS} days", "a day", "sum")
    for name, values in sorted(found.papers.items()):
        table.add_row(escape(f"{name}: papers"), sparkline(values), f"{sum(values):,}")
    table.add_row("issues sent", sparkline(found.mailed), f"{sum(found.mailed):,}")
    console.print(table)
