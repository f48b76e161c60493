"""The ledger of deliveries: enqueue, claim, mark, settle. Decides nothing about mail.

    pending ─claim→ claimed ─data→ data ─settle→ sent | failed | uncertain | deferred ─claim→ …
                       └→ suppressed | expired            └ a dead worker's: see `recovery`

Every arrow is inside the caller's transaction. A worker's name is unique to one run, so a
run touches a delivery once, and a row that was taken over by another worker is never marked by the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Integer,
    and_,
    bindparam,
    case,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Delivery, DeliveryKind, DeliveryState
from digest.storage.database import chunks
from digest.storage.ledger import LEASE, settle
from digest.storage.reservations import release
from digest.storage.suppressions import address_hash
from digest.storage.tables import deliveries, subscribers, suppressions

#: Nothing is sent later than this after it was composed.
OVERDUE_AFTER = timedelta(days=4)

#: The letter that asks, for the last time, a reader whose mails came back.
PROBE = "probe"

#: Literal, not bound: SQLite uses a partial index only if it can read the states in the statement.
OPEN = text("deliveries.state IN ('pending', 'deferred')")

_D = deliveries.c


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim took: `ready` to be sent, and what ended in the claim (suppressed, expired)."""

    ready: tuple[Delivery, ...]
    ended: tuple[Delivery, ...]

    def __len__(self) -> int:
        return len(self.ready) + len(self.ended)


async def enqueue(
    conn: AsyncConnection,
    *,
    kind: DeliveryKind,
    email: str,
    due_at: datetime,
    now: datetime,
    issue_id: int | None = None,
    subscriber_id: int | None = None,
) -> int:
    """Add one delivery to the outbox and give its id; an issue has one delivery (unique in the table)."""
    values = new_row(
        kind=kind, email=email, due_at=due_at, now=now, issue_id=issue_id, subscriber_id=subscriber_id
    )
    result = await conn.execute(insert(deliveries).values(values))
    return int(result.inserted_primary_key[0])  # type: ignore[index]


async def enqueue_all(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add many deliveries at once; `rows` come from `new_row`."""
    for chunk in chunks(rows, 500):
        await conn.execute(insert(deliveries), list(chunk))


def new_row(
    *,
    kind: DeliveryKind,
    email: str,
    due_at: datetime,
    now: datetime,
    issue_id: int | None = None,
    subscriber_id: int | None = None,
) -> dict[str, Any]:
    """The row of a delivery to be: pending, never tried."""
    return {
        "kind": kind.value,
        "issue_id": issue_id,
        "subscriber_id": subscriber_id,
        "email": email,
        "address_hash": address_hash(email),
        "state": DeliveryState.PENDING.value,
        "due_at": due_at,
        "created_at": now,
        "attempts": 0,
        "reply": "",
        "resends": 0,
    }


async def claim(conn: AsyncConnection, *, worker: str, now: datetime, limit: int) -> Claim:
    """Take up to `limit` due deliveries for this worker, oldest first, each at most once a run.

    Consent is read by the statement that takes: whoever unsubscribed before it gets nothing. The overdue
    expire.
    """
    return await conn.run_sync(claim_whole, worker=worker, now=now, limit=limit)


def claim_whole(conn: Connection, *, worker: str, now: datetime, limit: int) -> Claim:
    """`claim` in one go, for `Database.write_whole`."""
    due = conn.execute(_due_statement(), {"worker_": worker, "now_": now, "limit_": limit}).all()
    if not due:
        return Claim((), ())
    made = [row.created_at for row in due]
    values = {"ids_": [row.id for row in due], "first_": min(made), "last_": max(made), "worker_": worker}
    values |= {"lease_": now + LEASE, "oldest_": now - OVERDUE_AFTER}
    rows = sorted(
        map(delivery_of, conn.execute(_take_statement(), values).all()),
        key=lambda row: (row.due_at, row.id),
    )
    ended = [_ended(row, now) for row in rows if row.state is not DeliveryState.CLAIMED]
    if ended:
        settle(conn, ended, worker=worker, now=now)
    return Claim(tuple(row for row in rows if row.state is DeliveryState.CLAIMED), tuple(ended))


@cache
def _due_statement() -> Executable:
    """What is due, locked for us. Built once: it takes longer to write than to run."""
    now, worker = bindparam("now_", type_=_D.due_at.type), bindparam("worker_", type_=_D.worker.type)
    return (
        select(_D.id, _D.created_at)
        .where(OPEN, _D.due_at <= now, or_(_D.worker.is_(None), _D.worker != worker))
        .order_by(_D.due_at, _D.id)
        .limit(bindparam("limit_", type_=Integer))
        .with_for_update(skip_locked=True)
    )


@cache
def _take_statement() -> Executable:
    """Take them. A statement by itself, with the moments in it: PostgreSQL looks into their months alone."""
    first, last, oldest = (
        bindparam(f"{name}_", type_=_D.due_at.type) for name in ("first", "last", "oldest")
    )
    state = case(
        (~_allowed(), DeliveryState.SUPPRESSED.value),
        (_D.created_at < oldest, DeliveryState.EXPIRED.value),
        else_=DeliveryState.CLAIMED.value,
    )
    return (
        update(deliveries)
        .where(_D.id.in_(bindparam("ids_", expanding=True)), _D.created_at.between(first, last))
        .values(state=state, worker=bindparam("worker_"), leased_until=bindparam("lease_"))
        .returning(*COLUMNS)
    )


def _allowed() -> ColumnElement[bool]:
    """Issues and the letter that asks go to active readers only; other mail to who is not suppressed.

    Who was forgotten may sign up again, and for that gets the letter that asks to confirm.
    """
    again = and_(_D.kind == DeliveryKind.CONFIRMATION.value, suppressions.c.reason == "forgotten")
    refused = exists().where(suppressions.c.address_hash == _D.address_hash, ~again)
    reader = exists().where(subscribers.c.id == _D.subscriber_id)
    active = reader.where(subscribers.c.status == "active")
    suppressed = reader.where(subscribers.c.status == "suppressed")
    for_readers = or_(_D.kind == DeliveryKind.ISSUE.value, _D.letter == PROBE)
    wanted = case((for_readers, active), else_=~suppressed)
    return and_(~refused, wanted)


def _ended(row: Delivery, now: datetime) -> Delivery:
    reply = (
        f"overdue: not sent within {OVERDUE_AFTER.days} days" + (f"; {row.reply}" if row.reply else "")
        if row.state is DeliveryState.EXPIRED
        else "the reader is not active any more, or the address is suppressed"
    )
    return row._replace(reply=reply, settled_at=now, leased_until=None)


async def replace_open(conn: AsyncConnection, subscriber_ids: Sequence[int], now: datetime) -> list[int]:
    """A newer issue takes the place of those that were not sent yet; gives the issues that ended.

    Call it before the new issue is selected: the papers of the replaced ones are free for it. One that is on
    its way a second time stays: the reader may have the first copy, and then its papers.
    """
    ended: list[int] = []
    for chunk in chunks(subscriber_ids):
        result = await conn.execute(
            update(deliveries)
            .where(OPEN, _D.subscriber_id.in_(chunk), _D.kind == DeliveryKind.ISSUE.value, _D.resends == 0)
            .values(
                state="expired",
                settled_at=now,
                leased_until=None,
                reply=literal("replaced by a newer issue; ") + _D.reply,
            )
            .returning(_D.issue_id)
        )
        ended.extend(issue for (issue,) in result if issue is not None)
    await conn.run_sync(release, ended)
    return ended


async def erase(conn: AsyncConnection, email: str) -> None:
    """Delete what was sent, or was to be sent, to an address."""
    await conn.execute(delete(deliveries).where(_D.address_hash == address_hash(email)))


#: The columns that make a delivery, in the order of its fields.
COLUMNS = tuple(_D[name] for name in Delivery._fields)

_KINDS = {kind.value: kind for kind in DeliveryKind}
_STATES = {state.value: state for state in DeliveryState}


def delivery_of(row: Sequence[Any]) -> Delivery:
    """A row of COLUMNS as the noun; a claimed one counts this attempt already."""
    found = Delivery._make(row)
    state = _STATES[found.state]
    attempts = found.attempts + (state is DeliveryState.CLAIMED)
    return found._replace(kind=_KINDS[found.kind], state=state, attempts=attempts)
