"""`digest send EMAIL`: an extra issue now; marks its papers, leaves the schedule."""

from pathlib import Path
from typing import Annotated

import typer

from digest.cli import options, supply
from digest.cli.desk import desk, note_fault, run_async
from digest.cli.run import check_home, deliver_at, report_problems
from digest.errors import ConfigError, StorageError
from digest.models import Issue, SubscriberStatus
from digest.pipeline.compose import compose_extra
from digest.storage import subscribers


def send(
    email: Annotated[str, typer.Argument(help="A subscriber.")],
    config: options.Config = None,
    now: options.Now = None,
    as_json: options.Json = False,
) -> None:
    """Compose and deliver an extra issue for one subscriber now."""
    raise typer.Exit(run_async(_send(email, config, now, as_json)))


async def _send(email: str, config: Path | None, now: str | None, as_json: bool) -> int:
    async with desk(config, now) as tools:
        note_fault(tools)
        async with tools.db.read() as conn:
            reader = await subscribers.by_email(conn, email)
        if reader is None:
            raise ConfigError(f"{email} is not subscribed; `digest subscribers list` shows who is")
        if reader.status is not SubscriberStatus.ACTIVE:
            raise ConfigError(f"{email} is {reader.status} and gets no mail")
        if reason := await supply.shortage(tools):  # nobody's first issue is spent on nothing
            raise StorageError(f"{email} gets nothing: {reason}")
        tools.check_templates()
        async with tools.hold():
            await check_home(tools)
            issue = await compose_extra(tools.db, reader, clock=tools.clock)
            delivered = await deliver_at(tools)
        if as_json:
            options.print_json({"issue": issue.id, "note": issue.note, "deliveries": delivered.to_json()})
        else:
            for line in filter(None, (_outcome(email, issue), issue.note, *delivered.written)):
                typer.echo(line)
        report_problems(delivered)
        return 0 if delivered.ok else 1


def _outcome(email: str, issue: Issue) -> str:
    if issue.is_empty:
        return f"{email} gets nothing"
    count = len(issue.shown)
    return f"{email} gets an issue" + (f" of {count} paper{'s' * (count > 1)}" if count else "")
