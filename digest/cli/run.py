"""`digest run`: one pass (ingest, compose what is due, deliver, settle), then stop; for cron."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer

from digest.cli import options
from digest.cli.desk import Desk, desk, note, run_async
from digest.cli.ingest import ingest_at, report_sources
from digest.config import Roster
from digest.errors import TemplateError
from digest.pipeline import epoch
from digest.pipeline.compose import compose
from digest.pipeline.compose_report import ComposeReport
from digest.pipeline.delivery_report import DeliveryReport
from digest.pipeline.ingest import IngestReport
from digest.pipeline.intake import IntakeReport, import_listed
from digest.pipeline.sending import send_due
from digest.storage import operations, subscribers


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport:
    """What the steps of one pass report."""

    ingest: IngestReport
    compose: ComposeReport
    deliver: DeliveryReport

    def to_json(self) -> dict[str, Any]:
        """The promised shape."""
        return {
            "ingest": self.ingest.to_json(),
            "issues": self.compose.to_json(),
            "deliveries": self.deliver.to_json(),
        }


def run(config: options.Config = None, now: options.Now = None, as_json: options.Json = False) -> None:
    """Do one pass: ingest, compose the issues that are due, deliver them; then stop."""
    raise typer.Exit(run_async(_run(config, now, as_json)))


async def _run(config: Path | None, now: str | None, as_json: bool) -> int:
    async with desk(config, now, reads=True) as tools:
        roster = tools.roster()
        whole = await look_at_templates(tools)
        async with tools.hold():
            report_intake(await import_roster(tools, roster))
            ingested = await ingest_at(tools, roster, quiet=as_json)
            composed = await _compose(tools, ingested) if whole else ComposeReport()
            delivered = await deliver_at(tools)
        report = PassReport(ingest=ingested, compose=composed, deliver=delivered)
        if as_json:
            options.print_json(report.to_json())
        else:
            await _tell(tools, report)
        _tell_broken(composed)
        report_problems(delivered)
        return 0 if whole and delivered.ok and not ingested.failed and not composed.broken else 1


async def import_roster(tools: Desk, roster: Roster, *, welcome: bool = True) -> IntakeReport:
    """Bring the database to what a file says. Raises ConfigError for a topic that cannot be ranked."""
    carried = await tools.carries(entry.subscriber.email for entry in roster.listed)
    return await import_listed(tools.db, roster.listed, tools.clock(), welcome=welcome, carried=carried)


async def look_at_templates(tools: Desk) -> bool:
    """Tell a broken template before anything is sent; what waits already is sent in the look that we ship."""
    try:
        tools.check_templates()
    except TemplateError as error:
        note(f"{error}; until it is mended no new issue is made, and what waits leaves in the usual look")
        tools.faults.know(error)
        await tools.faults.keep(tools.db, tools.clock())
        return False
    return True


async def _compose(tools: Desk, ingested: IngestReport) -> ComposeReport:
    """Compose what is due; but nobody's first issue is spent on a database without a single paper."""
    if ingested.failed and not ingested.papers:
        note("no papers yet: the first issues wait for a source that answers")
        return ComposeReport()
    await check_home(tools)
    patience = timedelta(hours=tools.settings.late_hours)
    return await compose(tools.db, clock=tools.clock, patience=patience)


async def check_home(tools: Desk) -> None:
    """Raises HeldError before anything is made that could not leave."""
    if tools.settings.smtp_url:
        await epoch.check(tools.db, tools.clock())


async def deliver_at(tools: Desk) -> DeliveryReport:
    """Deliver everything that is due, by the transport of the settings."""
    return await send_due(tools.db, tools.way(), clock=tools.clock, worker=tools.worker)


def report_intake(report: IntakeReport) -> None:
    """What the file changed, as far as a person must know it."""
    for email in report.paused:
        note(f"{email} is no longer in the file and is paused; add it again, or `digest subscribers remove`")
    for email in report.refused:
        note(f"{email} must not be mailed (forgotten, complaint or hard bounce); remove it from the file")
    for sentence in report.unreachable:
        note(sentence)


def report_problems(report: DeliveryReport) -> None:
    """Each address that was not served, with the reason."""
    for problem in report.problems:
        note(f"{problem.email}: {problem.state}: {problem.reason}")
    if report.paused:
        note(f"sending stopped: {report.paused}")


async def _tell(tools: Desk, report: PassReport) -> None:
    report_sources(report.ingest)
    _tell_deliveries(tools, report.deliver)
    if not report.compose.composed and not report.deliver.selected:
        await _tell_nothing(tools, report.compose)


def _tell_deliveries(tools: Desk, report: DeliveryReport) -> None:
    if tools.settings.smtp_url is None:
        for path in report.written:
            typer.echo(path)
            typer.echo(str(Path(path).with_suffix(".html")))
    elif report.selected:
        typer.echo(f"{report.sent} of {report.selected} messages sent")


def _tell_broken(report: ComposeReport) -> None:
    if report.broken:
        issues = "1 issue" if report.broken == 1 else f"{report.broken:,} issues"
        note(f"{issues} could not be made by a fault of digest, which the log tells; tried again in an hour")


async def _tell_nothing(tools: Desk, report: ComposeReport) -> None:
    async with tools.db.read() as conn:
        due_at = await subscribers.next_due_at(conn)
        later, first = await operations.postponed(conn, tools.clock())
    if later and first:
        waits, last = ("1 mail waits", "") if later == 1 else (f"{later:,} mails wait", ", the first of them")
        typer.echo(f"{waits}{last}, tried again at {first:%Y-%m-%d %H:%M} UTC")
    if report.waiting:
        waits = "1 issue waits" if report.waiting == 1 else f"{report.waiting:,} issues wait"
        typer.echo(f"{waits} for today's papers; `digest status` says for which sources")
    elif report.quiet:
        for sentence in _quiet(report):
            typer.echo(sentence)
    elif due_at is None:
        typer.echo("nobody is subscribed; add somebody to subscribers.yaml")
    elif due_at > tools.clock():  # else what keeps the due from being made is told already
        typer.echo(f"nothing due until {due_at:%Y-%m-%d %H:%M} UTC; try digest preview")


def _quiet(report: ComposeReport) -> list[str]:
    """Why readers get no mail today: they follow nothing, nothing came, or nothing was good enough. Pure."""
    told, choosy = [], report.quiet - report.topicless - report.idle
    if report.topicless:
        readers = "1 reader follows" if report.topicless == 1 else f"{report.topicless:,} readers follow"
        told.append(f"{readers} no topic yet; add `topics` to subscribers.yaml")
    if report.idle:
        readers = "1 subscriber" if report.idle == 1 else f"{report.idle:,} subscribers"
        told.append(f"no new papers for {readers}")
    if choosy:
        readers = "1 subscriber" if choosy == 1 else f"{choosy:,} subscribers"
        told.append(f"nothing good enough for {readers}; `digest status` says why")
    return told
