"""What is remembered about mail servers between runs: pace, pause, connections. Contains no business logic.

A domain that refuses us through a relay has a row of its own, named "host:port domain".
"""

import math
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from digest.storage.tables_running import relays


def reserve_slots(conn: Connection, name: str, rate: float, at: datetime, wanted: int) -> int:
    """How many of `wanted` messages may leave now; their slots are taken from all workers alike.

    One time stamp is the whole state (the generic cell rate algorithm of ITU-T I.371): each message moves
    it on by 1/rate, and it may run ahead of the clock by one second, or by one message if that is more.
    """
    horizon = max(1.0, 1.0 / rate)
    taken = max(_next_at(conn, name) or at, at)
    free = math.floor((at - taken).total_seconds() * rate + horizon * rate + 1e-6)
    allowed = max(0, min(wanted, free))
    if allowed:
        until = taken + timedelta(seconds=allowed / rate)
        conn.execute(update(relays).where(relays.c.name == name).values(next_at=until))
    return allowed


def _next_at(conn: Connection, name: str) -> datetime | None:
    """Locks the row on PostgreSQL; SQLite has one writer anyway."""
    row = conn.execute(select(relays.c.next_at).where(relays.c.name == name).with_for_update()).first()
    if row is None:
        conn.execute(insert(relays).values(name=name, pauses=0, reason=""))
        return None
    found: datetime | None = row[0]
    return found


class Pause(NamedTuple):
    """Until when a destination waits, how many pauses it had in a row, and why."""

    until: datetime
    pauses: int
    reason: str


def destination(relay: str, domain: str) -> str:
    """The name of a domain behind a relay."""
    return f"{relay} {domain}"[:300]


def destinations(conn: Connection, relay: str) -> dict[str, Pause]:
    """Domains that had pauses and took no mail since."""
    columns = (relays.c.name, relays.c.paused_until, relays.c.pauses, relays.c.reason)
    theirs = relays.c.name.startswith(f"{relay} ", autoescape=True)
    query = select(*columns).where(theirs, relays.c.pauses > 0, relays.c.paused_until.is_not(None))
    return {
        name.removeprefix(f"{relay} "): Pause(until, pauses, reason)
        for name, until, pauses, reason in conn.execute(query)
    }


def waiting(conn: Connection, now: datetime) -> list[tuple[str, Pause]]:
    """Mail servers, and domains behind them, that get nothing now; by name."""
    columns = (relays.c.name, relays.c.paused_until, relays.c.pauses, relays.c.reason)
    query = select(*columns).where(relays.c.paused_until > now).order_by(relays.c.name)
    return [(name, Pause(until, pauses, reason)) for name, until, pauses, reason in conn.execute(query)]


def allowed(conn: Connection, name: str, since: datetime) -> int | None:
    """How many connections the server turned out to take; None: nothing was learned lately."""
    query = select(relays.c.connections).where(relays.c.name == name, relays.c.connections_at > since)
    return conn.scalar(query)


def allow(conn: Connection, name: str, connections: int, now: datetime) -> None:
    """Remember how many connections it takes."""
    _next_at(conn, name)
    values = {"connections": connections, "connections_at": now}
    conn.execute(update(relays).where(relays.c.name == name).values(values))


def paused(conn: Connection, name: str, now: datetime) -> str | None:
    """Why nothing is sent over this relay yet; None if it may be tried."""
    query = select(relays.c.reason).where(relays.c.name == name, relays.c.paused_until > now)
    return conn.scalar(query)


def pauses(conn: Connection, name: str) -> int:
    """How many runs in a row ended with a pause."""
    return int(conn.scalar(select(relays.c.pauses).where(relays.c.name == name)) or 0)


def pause(conn: Connection, name: str, until: datetime | None, reason: str) -> None:
    """Remember a pause and that it was one more in a row; None: the relay works, forget the row of them."""
    _next_at(conn, name)
    values = {"paused_until": until, "reason": reason, "pauses": relays.c.pauses + 1 if until else 0}
    conn.execute(update(relays).where(relays.c.name == name).values(values))
