"""`digest status`: sources, deliveries, next and last issues, and why nothing was sent."""

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.cli import options
from digest.cli.desk import Desk, desk, run_async
from digest.cli.watch import Watch, look, show
from digest.errors import ConfigError
from digest.pipeline import alarm
from digest.storage import issues, overview, passes, subscribers

SOURCE_COLUMNS = ("source", "state", "since", "last new", "new", "entries")

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
    last_issue: int | None
    next_issue_at: datetime | None
    watch: Watch
    templates: str | None  # why no new issue is made
    configuration: str | None  # what is wrong with subscribers.yaml

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
            "last_issue": self.last_issue,
            "next_issue_at": _iso(self.next_issue_at),
            "uncertain": [_jsonable(row) for row in self.uncertain],
            "last_pass": {"pass": last["number"], "at": _iso(last["committed_at"])} if last else None,
            "unsent": [_jsonable(row) for row in self.unsent],
            "quiet": [_jsonable(row) for row in self.quiet],
            "configuration": self.configuration,
        } | self.watch.to_json()


def status(
    issue: Annotated[
        str | None, typer.Option(help="Who got it and who did not, by number or day.", metavar="N|DATE")
    ] = None,
    resolve: Annotated[
        Resolution | None, typer.Option(help="End the doubt about uncertain deliveries.")
    ] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Send nothing until --resume.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Send again after a pause.")] = False,
    config: options.Config = None,
    now: options.Now = None,
    as_json: options.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="With --issue: a table for spreadsheets.")] = False,
) -> None:
    """Show sources, deliveries, what comes next, and why nothing was sent."""
    if as_csv and (as_json or not issue):
        raise ConfigError("--csv goes with --issue, and without --json")
    if pause or resume:
        run_async(_steer(config, now, pause=pause))
        return
    form = "csv" if as_csv else "json" if as_json else ""
    raise typer.Exit(run_async(_status(issue, resolve, config, now, form)))


async def _steer(config: Path | None, now: str | None, *, pause: bool) -> None:
    async with desk(config, now) as tools:
        if pause:
            await alarm.pause(tools.db, "stopped by the operator", tools.clock())
        else:
            await alarm.resume(tools.db, tools.clock())
    typer.echo("nothing is sent until `digest status --resume`" if pause else "sending goes on")


async def _status(
    issue: str | None, resolve: Resolution | None, config: Path | None, now: str | None, form: str
) -> int:
    """The exit status: 1 if subscribers.yaml or a template is broken, for then no issue is made."""
    async with desk(config, now) as tools:
        rows = await _of_issue(tools, issue) if issue else None
        if resolve:
            await _resolve(tools, rows, resolve)
        if rows is not None:
            rows = await _of_issue(tools, issue or "")
            _show_rows(rows, form, "" if rows else await _nothing(tools, issue or ""))
            return 0
        found = await _overview(tools)
    if form:
        options.print_json(found.to_json())
    else:
        _print(found)
    return 1 if found.configuration or found.templates else 0


async def _of_issue(tools: Desk, issue: str) -> Sequence[Mapping[str, Any]]:
    """Deliveries of one issue, or of all issues of a day (UTC). Raises ConfigError."""
    async with tools.db.read() as conn:
        if issue.isdigit():
            return await _of_number(conn, int(issue))
        try:
            start = datetime.fromisoformat(issue).replace(tzinfo=UTC)
        except ValueError as error:
            raise ConfigError(
                f'--issue: "{issue}" is neither a number nor a day such as 2026-04-14'
            ) from error
        return await overview.of_day(conn, start, start + timedelta(days=1))


async def _nothing(tools: Desk, issue: str) -> str:
    """Why an issue has no delivery, or a day none."""
    if not issue.isdigit():
        return f"no mail was made of an issue due on {issue}"
    async with tools.db.read() as conn:
        found = (await issues.by_ids(conn, [int(issue)]))[int(issue)]
        readers = await subscribers.by_ids(conn, [found.subscriber_id])
    return f"issue {issue} for {readers[found.subscriber_id].email}: there was nothing to mail. {found.note}"


async def _of_number(conn: AsyncConnection, number: int) -> Sequence[Mapping[str, Any]]:
    """The deliveries of an issue. Raises ConfigError if there is no such issue."""
    within = min(number, 2**31 - 1)  # what PostgreSQL counts to
    rows = await overview.of_issue(conn, within)
    if not rows and not await issues.by_ids(conn, [within]):
        raise ConfigError(f"there is no issue {number}; `digest status` shows the newest")
    return rows


async def _resolve(tools: Desk, some: Sequence[Mapping[str, Any]] | None, resolution: Resolution) -> None:
    from digest.storage.recovery import resolve

    async with tools.hold(), tools.db.write() as conn:
        rows = await overview.uncertain(conn) if some is None else some
        resend = resolution is Resolution.RESEND
        number = await resolve(conn, [row["id"] for row in rows], resend=resend, now=tools.clock())
    done = f"{number} {'will be sent once more' if resend else 'dropped'}"
    typer.echo(done if number else "no delivery is in doubt", err=True)


async def _overview(tools: Desk) -> Overview:
    watch = await look(tools.db, tools.clock(), tools.settings.templates)
    async with tools.db.read() as conn:
        newest = await issues.latest(conn, 1)
        return Overview(
            last_pass=await passes.last(conn),
            deliveries=await overview.by_state(conn),
            uncertain=await overview.uncertain(conn),
            unsent=await overview.unsent(conn, ROWS),
            quiet=await overview.quiet(conn, ROWS),
            last_issue=newest[0].id if newest else None,
            next_issue_at=await subscribers.next_due_at(conn),
            watch=watch,
            templates=tools.template_fault(),
            configuration=tools.roster_fault(),
        )


def _print(found: Overview) -> None:
    console = Console()
    last = found.last_pass
    for line in (found.configuration or "").splitlines():
        console.print(f"FAULT       {escape(line)}", style="bold")
    if found.templates:
        console.print(
            f"TEMPLATE    {escape(found.templates)}; until it is mended no new issue is made", style="bold"
        )
    console.print(
        f"last pass   {_when(last['committed_at'])}" if last else "last pass   none; try digest run"
    )
    if found.last_issue:
        console.print(
            f"last issue  {found.last_issue}; `digest status --issue {found.last_issue}` says who got it"
        )
    console.print(f"next issue  {_when(found.next_issue_at)}")
    counts = ", ".join(f"{number} {state}" for state, number in found.deliveries.items() if number)
    console.print(f"deliveries  {counts or 'none'}")
    show(console, replace(found.watch, template=None) if found.templates else found.watch)
    _print_table(console, SOURCE_COLUMNS, [_source_row(source) for source in found.sources])
    for source in found.sources:
        if source["error"]:
            console.print(f"{escape(source['name'])}: {escape(source['error'])}", soft_wrap=True)
    _print_table(console, ["issue", "email", "state", "attempts", "reply"], found.unsent)
    _print_table(console, ["issue", "email", "due_at", "note"], found.quiet)
    if found.uncertain:
        console.print("uncertain deliveries: `digest status --resolve resend` or `--resolve drop`")


#: Columns that have a shorter name than their values.
_KEYS = {"source": "name", "issue": "issue_id"}


def _print_table(console: Console, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    table = Table(*(Column(name, overflow="fold") for name in columns))  # names are never cut
    for row in rows:
        table.add_row(*(escape(_text(row.get(_KEYS.get(key, key)))) for key in columns))
    console.print(table)


_COLUMNS = (
    "id",
    "issue_id",
    "due_at",
    "email",
    "state",
    "attempts",
    "bounced",
    "message_id",
    "settled_at",
    "reply",
)


def _show_rows(rows: Sequence[Mapping[str, Any]], form: str, nothing: str) -> None:
    if form == "json":
        options.print_json([_jsonable(row) for row in rows])
    elif form == "csv":
        table = csv.DictWriter(sys.stdout, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows({name: _cell(value) for name, value in _jsonable(row).items()} for row in rows)
    elif not rows:
        typer.echo(nothing)
    else:
        _print_table(Console(), ["issue", "email", "state", "attempts", "bounced", "reply"], rows)


def _cell(value: Any) -> Any:
    """A server's words must not become a formula in a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _jsonable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _iso(value) if isinstance(value, datetime) else value for key, value in row.items()}


def _source_row(source: Mapping[str, Any]) -> dict[str, Any]:
    """A source for people: times to the minute, in UTC as all of them."""
    since, last_new = ((source[key] or "")[:16].replace("T", " ") for key in ("since", "last_new_at"))
    return {**source, "since": since or None, "last new": last_new or None}


def _text(value: object) -> str:
    if value is None:
        return "-"
    return _when(value) if isinstance(value, datetime) else str(value)


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "none"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
