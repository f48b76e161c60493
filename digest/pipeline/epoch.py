"""A restored backup sends nothing until the operator has confirmed it (mail.md requirement 9).

A backup has forgotten what was sent after it was made. So the database remembers where it lives, and counts
the runs that send; on SQLite the same count stands in a file beside it. A database that finds itself in
another place, or behind its file, was restored, copied or moved. One from which `digest db copy` took
everything is marked: another database sends now, and only a deliberate word of the operator brings it back.
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.errors import HeldError
from digest.schedule import next_due
from digest.storage import facts, outbox, passes, subscribers
from digest.storage.database import Database, chunks

#: Name of the fact: {"place": {…}, "epoch": number}.
HOME = "home"

_REMEDY = (
    "nothing is sent until you confirm it: `digest db confirm --skip` if mails went out after the backup was "
    "made (nobody gets a paper twice), `digest db confirm` if none did"
)


_ELSEWHERE = (
    "stop this process, the other database sends (`digest db confirm --here` if that one is given up)"
)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a database sends nothing."""

    reason: str
    moved: bool = False  # `digest db copy` gave everything to another database

    @property
    def remedy(self) -> str:
        """What the operator may do."""
        return _ELSEWHERE if self.moved else _REMEDY

    def error(self) -> HeldError:
        """Both, as an error."""
        return HeldError(f"{self.reason}; {self.remedy}")


async def check(db: Database, now: datetime) -> None:
    """Raises HeldError if the database was restored, copied or moved; a new one is taken for ours."""
    if hold := await held(db):
        raise hold.error()
    async with db.read() as conn:
        is_new = await facts.fact(conn, HOME) is None
    if is_new:
        await _settle(db, await _place(db), (_read(db) or 0) + 1, now)


async def check_stays(db: Database) -> None:
    """Raises HeldError if everything moved to another database: what is written here would be lost."""
    if (hold := await held(db)) and hold.moved:
        raise hold.error()


async def held(db: Database) -> Hold | None:
    """Why nothing is sent until the operator confirms this database; None if all is well. Reads only."""
    beside = _read(db)  # first: a run that begins meanwhile counts in the database before it does in the file
    async with db.read() as conn:
        home = await facts.fact(conn, HOME)
    return judge(home, await _place(db), beside) if home else None


def judge(home: Mapping[str, Any], place: Mapping[str, Any], beside: int | None) -> Hold | None:
    """Why this database is not the one that sent last; None if it is. Pure.

    `beside` is the count in the file, which may lag behind by a crash but never run ahead.
    """
    if where := home["place"].get("moved"):
        return Hold(f"this database moved {where}", moved=True)
    if home["place"] != place:
        return Hold("the database was restored, copied or moved")
    if beside is not None and beside > home["epoch"]:
        return Hold(
            f"the database is older than its last run (run {home['epoch']} of {beside}): a backup, restored"
        )
    return None


async def advance(db: Database, now: datetime) -> None:
    """Count one more run that sends, before it begins. Raises HeldError as `check` does."""
    await check(db, now)
    async with db.write() as conn:
        home = await facts.fact(conn, HOME)
        home = home | {"epoch": home["epoch"] + 1}
        await facts.keep(conn, HOME, home, now)
    _write(db, home["epoch"])


def mark(home: Mapping[str, Any], where: str, now: datetime) -> dict[str, Any]:
    """The fact of a database whose readers went elsewhere. Pure."""
    return {"place": {"moved": f"{where} on {now:%Y-%m-%d %H:%M} UTC"}, "epoch": home["epoch"]}


async def confirm(db: Database, now: datetime, *, skip: bool = False, here: bool = False) -> None:
    """The operator's word: this database is the one that sends from now on.

    `skip` gives up what is due and what waits in the outbox: every window begins now. `here` brings back a
    database that was moved away from. Raises HeldError for such a one without it.
    """
    if not here:
        await check_stays(db)
    if skip:
        await _skip(db, now)
    async with db.read() as conn:
        home = await facts.fact(conn, HOME) or {"epoch": 0}
    await _settle(db, await _place(db), max(home["epoch"], _read(db) or 0) + 1, now)


async def _skip(db: Database, now: datetime) -> None:
    async with db.read() as conn:
        newest = await passes.newest_pass(conn)
        ids = await subscribers.active_ids(conn)
    for part in chunks(ids, 500):
        async with db.write() as conn:
            await outbox.replace_open(conn, part, now)
            readers = (await subscribers.by_ids(conn, part)).values()
            rows = [
                {"b_id": one.id, "next_issue_at": next_due(one.schedule, now), "last_pass": newest}
                for one in readers
            ]
            await subscribers.move_on(conn, rows)


async def _settle(db: Database, place: Mapping[str, Any], epoch: int, now: datetime) -> None:
    async with db.write() as conn:
        await facts.keep(conn, HOME, {"place": dict(place), "epoch": epoch}, now)
    _write(db, epoch)


async def _place(db: Database) -> dict[str, Any]:
    """What a copy has otherwise: the file's inode, or the server's, database's and time line's numbers."""
    if db.is_sqlite:
        return {"inode": db.path.stat().st_ino} if db.path else {}
    async with db.read() as conn:
        return await _place_on_server(conn)


async def _place_on_server(conn: AsyncConnection) -> dict[str, Any]:
    number = await conn.scalar(text("SELECT oid::bigint FROM pg_database WHERE datname = current_database()"))
    try:
        async with conn.begin_nested():
            row = (await conn.execute(_CLUSTER)).one()
    except DBAPIError:  # a hosted server may not show its control data
        return {"database": number}
    return {"database": number, "cluster": str(row[0]), "timeline": row[1]}


_CLUSTER = text(
    "SELECT system_identifier, (SELECT timeline_id FROM pg_control_checkpoint()) FROM pg_control_system()"
)


def _file(db: Database) -> Path | None:
    return db.path.with_suffix(".epoch") if db.path else None


def _read(db: Database) -> int | None:
    """The count beside the database; None without a file, and for one that holds no number."""
    path = _file(db)
    try:
        return int(path.read_text()) if path else None
    except (OSError, ValueError):
        return None


def _write(db: Database, epoch: int) -> None:
    """Write aside, sync, rename. A disk that refuses leaves the older count, which holds nobody back."""
    path = _file(db)
    if path is None:
        return
    aside = path.with_suffix(f".epoch.{os.getpid()}")
    with contextlib.suppress(OSError):
        with aside.open("w") as file:
            file.write(f"{epoch}\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
