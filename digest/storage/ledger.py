"""One group of the ledger: what came back, what goes out next, in one transaction. Decides nothing.

Synchronous on purpose: `Database.write_whole` runs a group on SQLite in one trip to one thread, where a
statement at a time through the asynchronous driver took 20 ms a group; on PostgreSQL the same function
runs through the asynchronous driver.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from digest.models import Delivery, DeliveryState
from digest.storage.database import chunks
from digest.storage.relays import reserve_slots
from digest.storage.reservations import release
from digest.storage.suppressions import suppress_all
from digest.storage.tables import deliveries

#: A claim that nobody settled is free again after this; longer than the 600 s of the final reply.
LEASE = timedelta(minutes=15)

_D = deliveries.c


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known about a message right before it goes out."""

    delivery: Delivery
    message_id: str
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one transaction writes."""

    settled: Sequence[Delivery] = ()
    dead_addresses: Sequence[str] = ()  # of them, those that the server called unknown
    unsent: Collection[int] = ()  # claimed or marked, certainly not sent: pending again
    marks: Sequence[Mark] = ()  # may go out as soon as this is committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A limit of messages a second, shared by all workers of a relay and kept across restarts."""

    relay: str
    rate: float
    at: datetime  # moves on even where the run's clock stands still


def write(
    conn: Connection, group: Group, *, worker: str, now: datetime, pace: Pace | None = None
) -> tuple[int, set[int]]:
    """Write one group; gives how many of the marks, from the first, the pace allows, and which are ours.

    A mark is not ours if its lease ran out and another worker took the row: that message must not be sent.
    """
    settle(conn, group.settled, worker=worker)
    suppress_all(conn, group.dead_addresses, "hard bounce", now)
    give_back(conn, group.unsent, worker=worker)
    allowed = len(group.marks)
    if pace and group.marks:
        allowed = reserve_slots(conn, pace.relay, pace.rate, pace.at, len(group.marks))
    return allowed, mark(conn, group.marks[:allowed], worker=worker, now=now)


def mark(conn: Connection, marks: Sequence[Mark], *, worker: str, now: datetime) -> set[int]:
    """Commit this before the final dot: from here on a crash leaves doubt. Gives the ids that are ours."""
    if not marks:
        return set()
    common = {"d_worker": worker, "d_lease": now + LEASE}
    conn.execute(_MARK, [_marked(one) | common for one in marks])
    ids = [one.delivery.id for one in marks]
    ours = select(_D.id).where(_D.id.in_(ids), _D.state == "data", _D.worker == worker)
    return set(conn.scalars(ours))


def _marked(one: Mark) -> dict[str, Any]:
    return {
        "d_id": one.delivery.id,
        "d_message_id": one.message_id,
        "d_body_hash": one.body_hash,
        "d_attempts": one.delivery.attempts,
    }


_MARK = (
    update(deliveries)
    .where(_D.id == bindparam("d_id"), _D.state == "claimed", _D.worker == bindparam("d_worker"))
    .values(
        state="data",
        message_id=bindparam("d_message_id"),
        body_hash=bindparam("d_body_hash"),
        attempts=bindparam("d_attempts"),
        leased_until=bindparam("d_lease"),
    )
)


def settle(conn: Connection, settled: Sequence[Delivery], *, worker: str) -> None:
    """Write what attempts came to; papers of deliveries that ended without a mail are free again.

    `sent` always wins, even over a worker that took the row over meanwhile: the server has the message.
    """
    values = [_settled(delivery, worker) for delivery in settled]
    sent = [value for value in values if value["s_state"] == DeliveryState.SENT.value]
    rest = [value for value in values if value["s_state"] != DeliveryState.SENT.value]
    if sent:
        conn.execute(_SENT, sent)
    if rest:
        conn.execute(_SETTLE, rest)
        release(conn, [row.issue_id for row in settled if row.state in _UNSENT and row.issue_id])


_UNSENT = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED)


def _settled(delivery: Delivery, worker: str) -> dict[str, Any]:
    return {
        "s_id": delivery.id,
        "s_worker": worker,
        "s_state": delivery.state.value,
        "s_due_at": delivery.due_at,
        "s_attempts": delivery.attempts,
        "s_reply": delivery.reply,
        "s_settled_at": delivery.settled_at,
        "s_uncertain_at": delivery.settled_at if delivery.state is DeliveryState.UNCERTAIN else None,
    }


_OUTCOME: Mapping[str, Any] = {
    "reply": bindparam("s_reply"),
    "settled_at": bindparam("s_settled_at"),
    "leased_until": None,
    "attempts": bindparam("s_attempts"),
}
_SENT = (
    update(deliveries)
    .where(_D.id == bindparam("s_id"))
    .values(state="sent", worker=bindparam("s_worker"), **_OUTCOME)
)
_SETTLE = (
    update(deliveries)
    .where(_D.id == bindparam("s_id"), _D.worker == bindparam("s_worker"), _D.state != "sent")
    .values(
        state=bindparam("s_state"),
        due_at=bindparam("s_due_at"),
        uncertain_at=func.coalesce(_D.uncertain_at, bindparam("s_uncertain_at", type_=_D.uncertain_at.type)),
        **_OUTCOME,
    )
)


def give_back(conn: Connection, ids: Collection[int], *, worker: str) -> None:
    """Deliveries that this worker took but certainly did not send: pending again, at once."""
    for chunk in chunks(sorted(ids)):
        conn.execute(
            update(deliveries)
            .where(_D.id.in_(chunk), _D.worker == worker, _D.state.in_(("claimed", "data")))
            .values(state="pending", leased_until=None)
        )
