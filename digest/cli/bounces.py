"""`digest bounces`: one pass over the bounce mailbox; `serve` does it by itself and listens to LMTP."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from email.parser import BytesHeaderParser
from email.policy import compat32
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from digest.cli import options
from digest.cli.desk import Desk, desk, note, run_async
from digest.deliver.mailbox import parse_inbox
from digest.deliver.replies import printable
from digest.errors import ConfigError
from digest.pipeline.bounces import BounceReport, Taken, listen_lmtp, read_inbox
from digest.storage.bounces import kept_strays

#: Strays that are shown; clean-up deletes them after DIGEST_RETENTION_EVENT_DAYS.
STRAYS = 100

_WORDS = {
    Taken.RECORDED: "bounces recorded",
    Taken.SUPPRESSED: "addresses that get nothing more",
    Taken.UNSUBSCRIBED: "unsubscribed by mail",
    Taken.IGNORED: "ignored (delays, absences, taken before)",
    Taken.UNKNOWN: "not understood: kept in the folder digest-unknown",
}


def bounces(
    strays: Annotated[
        bool, typer.Option("--strays", help="Show mails that came by LMTP and nobody understood.")
    ] = False,
    config: options.Config = None,
    now: options.Now = None,
    as_json: options.Json = False,
) -> None:
    """Read the bounce mailbox once: bounces, complaints and unsubscribe mails take effect."""
    run_async((_strays if strays else _bounces)(config, now, as_json))


async def _strays(config: Path | None, now: str | None, as_json: bool) -> None:
    async with desk(config, now) as tools, tools.db.read() as conn:
        rows = [_stray(row) for row in await kept_strays(conn, STRAYS)]
    if as_json:
        options.print_json({"strays": rows})
        return
    table = Table("received", "from", "subject")
    for row in rows:
        table.add_row(row["received_at"], escape(row["from"]), escape(row["subject"]))
    Console().print(table if rows else "no strays: every mail that came by LMTP was understood")


def _stray(row: Mapping[str, Any]) -> dict[str, str]:
    """What a person wants to know of a mail; its text in whole, whatever bytes it holds."""
    mail = BytesHeaderParser(policy=compat32).parsebytes(row["raw"])
    return {
        "received_at": f"{row['received_at']:%Y-%m-%dT%H:%M:%SZ}",
        "from": printable(str(mail.get("From", ""))),
        "subject": printable(str(mail.get("Subject", ""))),
        "mail": row["raw"].decode("utf-8", "replace"),
    }


async def _bounces(config: Path | None, now: str | None, as_json: bool) -> None:
    async with desk(config, now) as tools:
        report = await _read(tools)
    if as_json:
        options.print_json(report.to_json())
        return
    for taken, number in report.counts.items():
        typer.echo(f"{number:>6}  {_WORDS[taken]}")
    if not report.counts:
        typer.echo("the bounce mailbox is empty")


async def _read(tools: Desk) -> BounceReport:
    url = tools.settings.bounce_url
    if url is None:
        raise ConfigError("DIGEST_BOUNCE_URL is not set; name the mailbox: imaps://user:password@host/INBOX")
    return await read_inbox(
        tools.db, parse_inbox(url.get_secret_value()), keys=tools.keys(), clock=tools.clock
    )


def bounce_pass(tools: Desk) -> Callable[[], Awaitable[None]] | None:
    """One pass for the scheduler; None if no mailbox is set."""
    if tools.settings.bounce_url is None:
        return None

    async def once() -> None:
        await _read(tools)

    return once


@asynccontextmanager
async def listening_lmtp(tools: Desk) -> AsyncIterator[None]:
    """Listen for bounces while `serve` runs, if DIGEST_LMTP_LISTEN is set."""
    where = tools.settings.lmtp_listen
    if where is None:
        yield
        return
    server = await listen_lmtp(tools.db, where, keys=tools.keys(), clock=tools.clock)
    note(f"listening for bounces (LMTP) on {where}")
    try:
        yield
    finally:
        server.close()
