"""`digest status`: sources, deliveries, next and last issues, and why nothing was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from digest.cli import options
from digest.cli.desk import Desk, desk, run_async
from digest.storage import overview, passes, subscribers

SOURCE_COLUMNS = ("source", "state", "since", "last_new_at", "new", "entries", "error")

#: Rows of each list: the newest; `--json` and the database hold more.
ROWS = 10


class Resolution(StrEnum):
    """What to do with deliveries in doubt."""

    RESEND = "resend"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `status` shows."""

    last_pass: Mapping[str, Any] | None
    deliveries: Mapping[str, int]
    uncertain: Sequence[Mapping[str, Any]]
    unsent: Sequence[Mapping[str, Any]]
    quiet: Sequence[Mapping[str, Any]]
    next_issue_at: datetime | None

    @property
    def sources(self) -> Sequence[Mapping[str, Any]]:
        """Each source as the last pass left it."""
        return self.last_pass["summary"].get("sources", []) if self.last_pass else []

    def to_json(self) -> dict[str, Any]:
        """The promised shape."""
        last = self.last_pass
        return {
            "sources": list(self.sources),
            "deliveries": dict(self.deliveries),
            "next_issue_at": _iso(self.next_issue_at),
            "uncertain": [_jsonable(row) for row in self.uncertain],
            "last_pass": {"pass": last["number"], "at": _iso(last["committed_at"])} if last else None,
            "unsent": [_jsonable(row) for row in self.unsent],
            "quiet": [_jsonable(row) for row in self.quiet],
        }


def status(
    issue: Annotated[int | None, typer.Option(help="Who got this issue, and who did not.")] = None,
    resolve: Annotated[
        Resolution | None, typer.Option(help="End the doubt about uncertain deliveries.")
    ] = None,
    config: options.Config = None,
    now: options.Now = None,
    as_json: options.Json = False,
) -> None:
    """Show sources, deliveries, what comes next, and why nothing was sent."""
    run_async(_status(issue, resolve, config, now, as_json))


async def _status(
    issue: int | None, resolve: Resolution | None, config: Path | None, now: str | None, as_json: bool
) -> None:
    async with desk(config, now) as tools:
        if resolve:
            await _resolve(tools, issue, resolve)
        if issue is not None:
            async with tools.db.read() as conn:
                rows = await overview.of_issue(conn, issue)
            _show_rows(rows, as_json)
            return
        found = await _overview(tools)
    if as_json:
        options.print_json(found.to_json())
    else:
        _print(found)


async def _resolve(tools: Desk, issue: int | None, resolution: Resolution) -> None:
    from digest.storage.recovery import resolve

    async with tools.hold(), tools.db.write() as conn:
        rows = [row for row in await overview.uncertain(conn) if issue in (None, row["issue_id"])]
        resend = resolution is Resolution.RESEND
        number = await resolve(conn, [row["id"] for row in rows], resend=resend, now=tools.clock())
    typer.echo(f"{number} {'will be sent once more' if resend else 'dropped'}", err=True)


async def _overview(tools: Desk) -> Overview:
    async with tools.db.read() as conn:
        return Overview(
            last_pass=await passes.last(conn),
            deliveries=await overview.by_state(conn),
            uncertain=await overview.uncertain(conn),
            unsent=await overview.unsent(conn, ROWS),
            quiet=await overview.quiet(conn, ROWS),
            next_issue_at=await subscribers.next_due_at(conn),
        )


def _print(found: Overview) -> None:
    console = Console()
    last = found.last_pass
    console.print(
        f"last pass   {_when(last['committed_at'])}" if last else "last pass   none; try digest run"
    )
    console.print(f"next issue  {_when(found.next_issue_at)}")
    counts = ", ".join(f"{number} {state}" for state, number in found.deliveries.items() if number)
    console.print(f"deliveries  {counts or 'none'}")
    _print_table(console, SOURCE_COLUMNS, found.sources)
    _print_table(console, ["id", "email", "state", "attempts", "reply"], found.unsent)
    _print_table(console, ["email", "due_at", "note"], found.quiet)
    if found.uncertain:
        console.print("uncertain deliveries: `digest status --resolve resend` or `--resolve drop`")


def _print_table(console: Console, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(_text(row.get("name" if key == "source" else key))) for key in columns))
    console.print(table)


def _show_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        options.print_json([_jsonable(row) for row in rows])
    elif not rows:
        typer.echo("no delivery: the issue is unknown, or there was nothing to mail")
    else:
        _print_table(Console(), ["id", "email", "state", "attempts", "message_id", "reply"], rows)


def _jsonable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _iso(value) if isinstance(value, datetime) else value for key, value in row.items()}


def _text(value: object) -> str:
    if value is None:
        return "-"
    return _when(value) if isinstance(value, datetime) else str(value)


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "none"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
