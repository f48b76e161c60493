"""Can an address be reached at all? Letters beyond ASCII before the @ need a mail server with SMTPUTF8.

What its EHLO offered is remembered from each session (RFC 6531), so that a form need not ask it. Domains are
no question: they are written as A-labels everywhere (RFC 5890).
"""

from collections.abc import Iterable
from datetime import datetime

from digest.deliver.relay import Relay, Unavailable, connect
from digest.storage import facts
from digest.storage.database import Database

CARRIES = "carries utf8"


def refusal(email: str, *, carried: bool) -> str | None:
    """Why nobody with this address can be subscribed, as a sentence; None if they can. Pure."""
    if carried or not needs_utf8(email):
        return None
    return (
        f'"{email}" has letters beyond ASCII before the @, which the mail server cannot carry '
        "(it offers no SMTPUTF8); use another address"
    )


def needs_utf8(email: str) -> bool:
    """True if the part before the @ is not ASCII. Pure."""
    return not email.rpartition("@")[0].isascii()


async def learn(db: Database, carried: bool, now: datetime) -> None:
    """Remember what the way out carries; a folder takes everything."""
    if await _fact(db) is not carried:
        async with db.write() as conn:
            await facts.keep(conn, CARRIES, carried, now)


async def remembered(db: Database) -> bool:
    """What the last session said; False as long as there was none."""
    return await _fact(db) is True


async def ask(db: Database, relay: Relay | None, now: datetime) -> bool:
    """Ask the mail server by one EHLO (None: the outbox folder); unreachable: what it said the last time."""
    carried = True
    if relay is not None:
        try:
            session = await connect(relay)
        except Unavailable:
            return await remembered(db)
        carried = "smtputf8" in session.extensions
        await session.quit()
        session.close()
    await learn(db, carried, now)
    return carried


async def carries(db: Database, relay: Relay | None, emails: Iterable[str], now: datetime) -> bool:
    """Whether these addresses need nothing special, or the mail server carries what they need."""
    return not any(map(needs_utf8, emails)) or await ask(db, relay, now)


async def _fact(db: Database) -> bool | None:
    async with db.read() as conn:
        found: bool | None = await facts.fact(conn, CARRIES)
    return found
