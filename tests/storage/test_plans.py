"""No statement of a tick or of a batch reads a whole table: PostgreSQL answers each from an index."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.storage import accounting, claims, issues, outbox, papers, recovery, search, subscribers
from digest.storage.database import Database
from tests.make import NOW
from tests.storage.crowd import fill, plans

READERS = 30_000
IDS = list(range(100, 20_100, 100))

#: What a tick, a batch of 200 readers and a claim of deliveries ask the database.
HOT: dict[str, Callable[[AsyncConnection], Awaitable[object]]] = {
    "claim readers": lambda c: claims.claim_due(c, NOW, NOW + timedelta(hours=1), 200),
    "count claims": lambda c: claims.count_claimed(c, 100_000),
    "end expired claims": lambda c: claims.end_expired(c, NOW, 100_000),
    "end claims": lambda c: claims.end_claims(c, IDS),
    "due readers": lambda c: subscribers.due(c, NOW, 200),
    "due among": lambda c: subscribers.due_among(c, IDS, NOW),
    "still due": lambda c: subscribers.still_due(c, IDS, NOW),
    "next due": subscribers.next_due_at,
    "overdue": lambda c: subscribers.count_due(c, NOW - timedelta(minutes=30), 7_200),
    "release": subscribers.release,
    "replace open": lambda c: outbox.replace_open(c, IDS, NOW),
    "reserved papers": lambda c: issues.reserved(c, IDS, range(1, 500)),
    "window": lambda c: papers.window(c, 1, 2),
    "last change": lambda c: papers.last_change(c, 3),
    "claim deliveries": lambda c: outbox.claim(c, worker="me", now=NOW, limit=200),
    "open deliveries": lambda c: accounting.count_open(c, NOW, 32_000),
    "account of a run": lambda c: accounting.account(c, "worker 7"),
    "work to do": lambda c: accounting.has_work(c, NOW, resend=True),
    "search": lambda c: search.search(c, search.Query(words="Páez"), limit=20),
    "holders": recovery.holders,
    "recover": lambda c: recovery.recover(c, NOW, dead=["worker 7"]),
}

BIG = re.compile(r"Seq Scan on (subscribers|deliveries|issues|mailed|papers)\b.*")


@pytest.fixture
async def crowd(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url)
    await fill(database, READERS)
    yield database
    await database.close()


#: A million readers are due at one minute: nobody sorts them.
IN_ORDER = ("claim readers", "claim deliveries", "due readers")


async def test_hot_statements_are_answered_from_indexes(crowd: Database) -> None:
    for name, work in HOT.items():
        found = await plans(crowd, work)
        assert not [plan for plan in found if BIG.search(plan)], name
        assert name not in IN_ORDER or "Sort" not in found[0], f"{name}:\n{found[0]}"
