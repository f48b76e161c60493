"""What a run of delivery learns about its mail server, for the next one: pauses, connections, domains."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from digest.deliver.settle import delay
from digest.deliver.transport import Transport
from digest.pipeline.destinations import Destinations
from digest.pipeline.keeper import Keeper
from digest.storage import relays
from digest.storage.database import Database

#: A server that took fewer connections than we wanted is asked for all of them again after this.
RELEARN_AFTER = timedelta(days=1)


async def paused(db: Database, relay: str, now: datetime) -> str | None:
    """Why this server is left alone now; None if it may be tried."""
    async with db.read() as conn:
        return await conn.run_sync(relays.paused, relay, now)


async def recall(db: Database, transport: Transport, now: datetime) -> Destinations:
    """Give the transport its limit of connections, and tell which domains wait."""
    async with db.read() as conn:
        learned = await conn.run_sync(relays.allowed, transport.name, now - RELEARN_AFTER)
        known = await conn.run_sync(relays.destinations, transport.name)
    if learned:
        transport.allowed = min(learned, transport.concurrency)
    return Destinations(known, now)


async def remember(db: Database, keeper: Keeper, transport: Transport, before: int, now: datetime) -> None:
    """Keep what this run learned; `before`: the connections that were allowed at its start."""

    def write(conn: Connection) -> None:
        _remember_pause(conn, keeper, now)
        keeper.destinations.remember(conn, keeper.relay, now)
        if transport.allowed < before:
            relays.allow(conn, keeper.relay, transport.allowed, now)

    async with db.write() as conn:
        await conn.run_sync(write)


def _remember_pause(conn: Connection, keeper: Keeper, now: datetime) -> None:
    """A pause grows with each run that ends with one; a run that sent forgets them."""
    before = relays.pauses(conn, keeper.relay)
    if keeper.unavailable:
        until = now + delay(0, before + 1, unavailable=True)
        relays.pause(conn, keeper.relay, until, keeper.unavailable)
    elif before and keeper.counts["sent"]:
        relays.pause(conn, keeper.relay, None, "")
