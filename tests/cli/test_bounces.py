"""What `digest bounces` and `digest status` say about mail that came back or cannot leave."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage import relays
from digest.storage.bounces import keep_stray
from digest.storage.database import Database
from tests.cli.conftest import NOW, Command

AT = datetime.fromisoformat(NOW)
HOSTILE = b"From: ada@papers.dev\r\nSubject: \x1b[31m[red]hello\r\n\r\n\xff body\r\n"


def write(folder: Path, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    async def once() -> None:
        db = Database(f"sqlite:///{folder}/digest.db")
        async with db.write() as conn:
            await work(conn)
        await db.close()

    asyncio.run(once())


def test_strays_are_shown_with_nothing_that_a_terminal_obeys(digest: Command, folder: Path) -> None:
    assert "no strays" in digest("bounces", "--strays").out
    write(folder, lambda conn: keep_stray(conn, "k", HOSTILE, AT))
    shown = digest("bounces", "--strays").out
    assert "ada@papers.dev" in shown
    assert "[31m[red]hello" in shown
    assert "\x1b" not in shown
    (stray,) = json.loads(digest("bounces", "--strays", "--json").out)["strays"]
    assert (stray["received_at"], "\ufffd body" in stray["mail"]) == ("2026-04-14T12:00:00Z", True)


def test_status_names_the_servers_that_are_left_alone(digest: Command, folder: Path) -> None:
    digest("status")
    name, until = relays.destination("relay.dev:25", "papers.dev"), AT + timedelta(minutes=30)
    write(folder, lambda conn: conn.run_sync(relays.pause, name, until, "it said [no]"))
    assert "relay.dev:25 papers.dev until 12:30 UTC: it said [no]" in digest("status", "--now", NOW).out
    (left,) = json.loads(digest("status", "--now", NOW, "--json").out)["left_alone"]
    assert left == {"server": name, "until": "2026-04-14T12:30:00Z", "reason": "it said [no]"}
