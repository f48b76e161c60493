"""`digest ingest`: only the first step of a pass."""

from datetime import timedelta
from pathlib import Path

import typer

from digest.cli import options
from digest.cli.desk import Desk, desk, note, run_async
from digest.cli.progress import progress_bars
from digest.config import Roster
from digest.models import SourceState
from digest.pipeline.ingest import IngestReport
from digest.pipeline.ingest import ingest as ingest_sources


def ingest(config: options.Config = None, now: options.Now = None, as_json: options.Json = False) -> None:
    """Ask the sources for new papers and store them; compose and send nothing."""
    raise typer.Exit(run_async(_ingest(config, now, as_json)))


async def _ingest(config: Path | None, now: str | None, as_json: bool) -> int:
    async with desk(config, now, reads=True) as tools:
        roster = tools.roster()
        async with tools.hold():
            report = await ingest_at(tools, roster, quiet=as_json)
        if as_json:
            options.print_json(report.to_json())
        else:
            report_sources(report)
        return 1 if report.failed else 0


async def ingest_at(tools: Desk, roster: Roster, *, quiet: bool) -> IngestReport:
    """Ingest the sources of the file, with a bar a source on a terminal."""
    with progress_bars(hidden=quiet) as progress:
        return await ingest_sources(
            tools.db,
            roster.sources,
            clock=tools.clock,
            grace=timedelta(hours=tools.settings.late_hours),
            progress=progress,
        )


def report_sources(report: IngestReport) -> None:
    """One line a source; what failed says why."""
    for source in report.sources:
        counts = f"{source.new} new, {source.updated} updated of {source.entries} entries"
        moved = counts if source.entries else "nothing since the last answer"
        told = source.error if source.state is SourceState.FAILED else moved
        note(f"{source.name}: {source.state or 'not asked'}, {told}")
        if source.error and source.state is not SourceState.FAILED:
            note(f"{source.name}: {source.error}")
    note(f"{report.papers} papers stored")
