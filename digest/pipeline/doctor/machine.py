"""The checks of this machine: database, disk, clock, what waits in the outbox, the sources."""

import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile

from sqlalchemy import text

from digest.errors import StorageError
from digest.models import SourceState
from digest.pipeline import alarm, epoch
from digest.pipeline.doctor.check import Check, fail, ok, warn
from digest.storage import operations, passes
from digest.storage.database import Database

#: The WAL-reset race of SQLite is mended in these versions and later ones of their lines.
MENDED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))

#: Bytes that should be free beside the database.
ROOM = 200 * 2**20

#: Something due that waits longer is a sign that nobody sends.
OLDEST = timedelta(hours=2)

#: A clock that differs more signs links that have expired.
SKEW = timedelta(minutes=1)


async def check_database(db: Database) -> list[Check]:
    """It answers, it is whole, it has room."""
    try:
        async with db.read() as conn:
            if db.is_sqlite:
                found = str(await conn.scalar(text("PRAGMA quick_check(1)")))
                version = f"SQLite {sqlite3.sqlite_version}"
            else:
                found, version = "ok", f"PostgreSQL {await conn.scalar(text('SHOW server_version'))}"
        async with db.write() as conn:  # where it can only be read, a run stops
            await conn.execute(text("SELECT 1"))
    except StorageError as error:
        return [fail("database", str(error), "mend DIGEST_DATABASE_URL, the server or the file's owner")]
    if found != "ok":
        return [fail("database", f"the file is damaged: {found}", "restore it from a backup")]
    checks = [ok("database", f"{version} answers")]
    if db.is_sqlite:
        checks.append(sqlite_version(sqlite3.sqlite_version_info))
        if db.path:
            checks.append(_disk(db.path))
    return checks


def sqlite_version(version: tuple[int, ...]) -> Check:
    """Before 3.51.3 two connections that commit and checkpoint at once can damage the file. Pure."""
    name = ".".join(map(str, version))
    if any(version >= mended and (version[:2] == mended[:2] or mended is MENDED[0]) for mended in MENDED):
        return ok("sqlite", f"{name} has no known fault in what we use")
    remedy = "run one digest process that writes at a time (the lease sees to it), or install SQLite 3.51.3"
    return warn("sqlite", f"{name} has the WAL-reset race", remedy)


def _disk(path: Path) -> Check:
    free = shutil.disk_usage(path.resolve().parent).free
    if free < ROOM:
        return fail("disk", f"{free / 2**20:.0f} MB free beside {path}", "free some space")
    return ok("disk", f"{free / 2**30:.1f} GB free beside {path}")


def check_outbox(folder: Path) -> Check:
    """Messages can be written into the folder, which need not be there yet."""
    near = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    try:
        with TemporaryFile(dir=near):
            found = f"no mail server: messages are written to {folder}/"
            return warn("smtp", found, "set DIGEST_SMTP_URL to send mail")
    except OSError as error:
        remedy = "name another DIGEST_OUTBOX, or set DIGEST_SMTP_URL to send mail"
        return fail("outbox", f"{folder}: cannot be written ({error.strerror})", remedy)


async def check_clock(db: Database, now: datetime) -> Check:
    """The clock stands where the database's server has its own, and later than the newest pass."""
    async with db.read() as conn:
        last = await passes.last(conn)
    skew = await clock_skew(db, lambda: now)
    if last and last["committed_at"] > now + SKEW:
        remedy = "set the clock (chrony, systemd-timesyncd)"
        return fail("clock", f"it is {now:%Y-%m-%d %H:%M} UTC here, but a pass ended later", remedy)
    if abs(skew) > SKEW:
        return fail("clock", f"the database's server differs by {abs(skew)}", "set both clocks by NTP")
    return ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


async def clock_skew(db: Database, clock: Callable[[], datetime]) -> timedelta:
    """How far this clock is ahead of that of the database's server; nothing on SQLite."""
    if db.is_sqlite:
        return timedelta()
    async with db.read() as conn:
        theirs: datetime = await conn.scalar(text("SELECT clock_timestamp()"))
        return clock() - theirs  # read right after the answer, however long a connection took


async def check_work(db: Database, now: datetime) -> list[Check]:
    """Does somebody work: passes, outbox, doubt, a pause, the sources."""
    async with db.read() as conn:
        last = await passes.last(conn)
        outbox = await operations.outbox(conn, now)
        paused = await alarm.paused(conn)
        sources = await operations.all_sources(conn)
    oldest, doubtful = outbox.oldest_due_at, outbox.by_state["uncertain"]
    checks = [_passes(last["committed_at"] if last else None, now)]
    if oldest is not None and now - oldest > OLDEST:
        remedy = "start `digest serve` or the cron line; `digest status` shows what the server said"
        checks.append(fail("outbox", f"something due since {oldest:%Y-%m-%d %H:%M} UTC was not sent", remedy))
    else:
        checks.append(ok("outbox", "nothing waits that should have gone"))
    if doubtful:
        remedy = "`digest status --resolve resend` or `drop`"
        checks.append(warn("doubt", f"{doubtful} deliveries are uncertain", remedy))
    if paused:
        checks.append(
            fail("pause", f"nothing is sent: {paused.reason}", "`digest status --resume` sends again")
        )
    return checks + [_source(str(one["name"]), one["state"], one["error"]) for one in sources]


def _passes(at: datetime | None, now: datetime) -> Check:
    if at is None:
        return warn("passes", "no pass has run yet", "`digest run`, or start `digest serve`")
    if now - at > timedelta(days=1):
        remedy = "start `digest serve` or the cron line"
        return fail("passes", f"the newest pass ended {at:%Y-%m-%d %H:%M} UTC", remedy)
    return ok("passes", f"the newest pass ended {at:%Y-%m-%d %H:%M} UTC")


def _source(name: str, state: str | None, error: str | None) -> Check:
    if state == SourceState.FAILED:
        return fail(name, error or "no usable answer", "check its address in subscribers.yaml")
    if error or state in (SourceState.LATE, SourceState.STALE):
        return warn(name, error or f"{state}", "nothing to do if it comes; readers wait for it a while")
    return ok(name, state or "not asked yet")


async def check_home(db: Database, *, leaves: bool) -> list[Check]:
    """Is this the database that sent last, or a restored copy? Into a folder (not `leaves`) any may write."""
    found = await epoch.held(db)
    if found and (leaves or found.moved):
        return [fail("moved" if found.moved else "restored", found.reason, found.remedy)]
    return [ok("restored", "this is the database that sends")] if leaves else []
