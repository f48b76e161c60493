"""No statement of a tick or of a batch reads a whole table: PostgreSQL answers each from an index."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Delivery, DeliveryKind, DeliveryState
from digest.storage import (
    accounting,
    asks,
    claims,
    doubts,
    issues,
    leases,
    ledger,
    months,
    operations,
    outbox,
    papers,
    rates,
    recovery,
    reservations,
    retention,
    search,
    subscribers,
)
from digest.storage.database import Database
from digest.storage.ledger import Mark
from tests.make import NOW
from tests.storage.crowd import fill, plans

READERS = 30_000
IDS = list(range(100, 20_100, 100))


def delivery(number: int, state: DeliveryState) -> Delivery:
    kind = DeliveryKind.ISSUE
    return Delivery(
        id=number, kind=kind, email="a@b.dev", state=state, due_at=NOW, created_at=NOW, issue_id=number
    )


def mark(number: int) -> Mark:
    return Mark(delivery(number, DeliveryState.CLAIMED), "<1@papers.dev>", b"From: a")


ENDS = (DeliveryState.SENT, DeliveryState.FAILED) * 100
SETTLED = [delivery(number, state) for number, state in zip(IDS, ENDS, strict=True)]

Statement = Callable[[AsyncConnection], Awaitable[object]]


def hot(now: datetime) -> dict[str, Statement]:
    """What a tick, a batch of 200 readers and a claim of deliveries ask the database."""
    return {
        "claim readers": lambda c: claims.claim_due(c, now, now + timedelta(hours=1), 200),
        "count claims": lambda c: claims.count_claimed(c, 100_000),
        "end expired claims": lambda c: claims.end_expired(c, now, 100_000),
        "end claims": lambda c: claims.end_claims(c, IDS),
        "due readers": lambda c: subscribers.due(c, now, 200),
        "due among": lambda c: subscribers.due_among(c, IDS, now),
        "still due": lambda c: subscribers.still_due(c, IDS, now),
        "next due": subscribers.next_due_at,
        "overdue": lambda c: subscribers.count_due(c, now - timedelta(minutes=30), 7_200),
        "release": subscribers.release,
        "replace open": lambda c: outbox.replace_open(c, IDS, now),
        "reserved papers": lambda c: issues.reserved(c, IDS, range(1, 500)),
        "window": lambda c: papers.window(c, 1, 2),
        "last change": lambda c: papers.last_change(c, 3),
        "claim deliveries": lambda c: outbox.claim(c, worker="me", now=now, limit=200),
        "open deliveries": lambda c: accounting.count_open(c, now, 32_000),
        "account of a run": lambda c: accounting.account(c, "worker 7"),
        "work to do": lambda c: accounting.has_work(c, now, resend=True),
        "search": lambda c: search.search(c, search.Query(words="Páez"), limit=20),
        "holders": recovery.holders,
        "mark": lambda c: c.run_sync(ledger.mark, [mark(n) for n in IDS], worker="me"),
        "settle": lambda c: c.run_sync(ledger.settle, SETTLED, worker="me", now=now),
        "give back": lambda c: c.run_sync(ledger.give_back, IDS, worker="me"),
        "release papers": lambda c: c.run_sync(reservations.release, IDS),
        "renew leases": lambda c: leases.renew_deliveries(c, "worker 7", now),
        "uncertain": operations.count_uncertain,
        "trouble of a day": lambda c: rates.trouble(c, now - timedelta(days=1)),
        "enough mails of a day": lambda c: rates.mailed(c, now - timedelta(days=1), 100),
        "readers of the file": subscribers.in_file,
        "examples": retention.examples,
        "trending": lambda c: papers.trending(c, now, 10),
        "lost doubts": doubts.forget_lost,
        "consents of a day": lambda c: operations.consents_since(c, now - timedelta(days=1)),
        "outbox": lambda c: operations.outbox(c, now),
        "deferred": operations.deferred_codes,
        "waiting": operations.waiting_issues,
        "expire asks": lambda c: asks.expire(c, now - timedelta(days=7)),
        "old issues": lambda c: retention.delete_issues(c, now - timedelta(days=320), 500),
        "old letters": lambda c: retention.delete_letters(c, now - timedelta(days=3000), 500),
        "old bounces": lambda c: retention.delete_bounces(c, now - timedelta(days=3000), 500),
        "months to drop": lambda c: c.run_sync(months.droppable, now),
        "recover": lambda c: recovery.recover(c, now, dead=["worker 7"]),
    }


#: But an empty month: its scan costs nothing.
BIG = re.compile(
    r"Seq Scan on (subscribers|topics|issues|deliveries_20\w+|mailed|votes|bounces|suppressions|asks)\b"
    r".*cost=0\.00\.\.(?!0\.00 )"
)

SORT = re.compile(r"->  (Incremental )?Sort\b")


@pytest.fixture
async def crowd(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url)
    await fill(database, READERS)
    yield database
    await database.close()


#: A million readers are due at one minute: nobody sorts them.
IN_ORDER = ("claim readers", "claim deliveries", "due readers")


async def test_hot_statements_are_answered_from_indexes(crowd: Database) -> None:
    for name, work in hot(NOW).items():
        found = await plans(crowd, work)
        assert not [plan for plan in found if BIG.search(plan)], name
        assert name not in IN_ORDER or not SORT.search(found[0]), f"{name}:\n{found[0]}"
