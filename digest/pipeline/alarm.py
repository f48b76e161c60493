"""The automatic pause: too many bounces or complaints stop all sending until the operator resumes it.

mail.md requirement 45: bounces over 5 % or complaints over 0.3 %. The mails of a day count; a handful proves
nothing, so small numbers alone never pause.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage import facts, rates
from digest.storage.database import Database

#: Shares of the mails of a day, and how many there must be at least.
BOUNCES, FEWEST_BOUNCES = 0.05, 5
COMPLAINTS, FEWEST_COMPLAINTS = 0.003, 2

SPAN = timedelta(days=1)

PAUSE, RESUMED = "pause", "resumed"

log = structlog.get_logger("digest.alarm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why and since when nothing is sent."""

    reason: str
    since: datetime


def alarm(mailed: int, bounced: int, complained: int) -> str | None:
    """Why sending must stop; None if all is well. Pure."""
    if complained >= FEWEST_COMPLAINTS and complained > COMPLAINTS * mailed:
        return f"{complained} complaints about {mailed} mails of one day (more than {COMPLAINTS:.1%})"
    if bounced >= FEWEST_BOUNCES and bounced > BOUNCES * mailed:
        return f"{bounced} bounces among {mailed} mails of one day (more than {BOUNCES:.0%})"
    return None


def enough(bounced: int, complained: int) -> int:
    """So many mails are no reason for an alarm, nor are more: nobody counts a million to know it. Pure.

    0 where there is too little trouble for an alarm, however few were mailed.
    """
    by_bounces = bounced / BOUNCES if bounced >= FEWEST_BOUNCES else 0
    by_complaints = complained / COMPLAINTS if complained >= FEWEST_COMPLAINTS else 0
    return math.ceil(max(by_bounces, by_complaints))


async def watch(db: Database, now: datetime) -> Pause | None:
    """Pause all sending if the rates of the last day ask for it; gives the pause that is in force."""
    async with db.read() as conn:
        in_force = await paused(conn)
        since = max(now - SPAN, _time(await facts.fact(conn, RESUMED)) or now - SPAN)
        bounced, complained = await rates.trouble(conn, since)
        limit = enough(bounced, complained)
        mailed = await rates.mailed(conn, since, limit) if limit else 0
    reason = alarm(mailed, bounced, complained)
    if in_force or reason is None:
        return in_force
    await pause(db, reason, now)
    log.error("sending.paused", reason=reason)
    return Pause(reason=reason, since=now)


async def pause(db: Database, reason: str, now: datetime) -> None:
    """Send nothing from now on; issues are still made, and a newer one takes the place of an older one."""
    async with db.write() as conn:
        await facts.keep(conn, PAUSE, {"reason": reason, "since": now.isoformat()}, now)


async def resume(db: Database, now: datetime) -> None:
    """Send again; what was counted until now does not pause once more."""
    async with db.write() as conn:
        await facts.drop(conn, PAUSE)
        await facts.keep(conn, RESUMED, now.isoformat(), now)


async def paused(conn: AsyncConnection) -> Pause | None:
    """The pause that is in force."""
    value = await facts.fact(conn, PAUSE)
    return Pause(reason=value["reason"], since=datetime.fromisoformat(value["since"])) if value else None


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
