"""Small steps that tests of the pipeline share: a pass that stored papers, a reader, an opened issue."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update

from digest.models import DeliveryState, Issue, Paper, Subscriber
from digest.storage import issues, papers, passes, search, subscribers
from digest.storage.database import Database
from digest.storage.tables import deliveries
from tests.make import NOW, make_subscriber


def at(moment: datetime) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: moment


async def announce(db: Database, *new: Paper, when: datetime = NOW) -> int:
    """One pass of ingestion that brought these papers; its number."""
    async with db.write() as conn:
        number = await passes.start(conn, when)
        stamped = [
            replace(paper, eligible_pass=number, first_seen_pass=number, eligible_at=when, first_seen_at=when)
            for paper in new
        ]
        given = await papers.insert_papers(conn, stamped)
        await papers.add_aliases(conn, given)
        await passes.commit(conn, number, when, {})
        await search.catch_up(conn)
    return number


async def subscribe(db: Database, number: int = 1, **fields: Any) -> Subscriber:
    """A stored subscriber, due now unless said otherwise."""
    wished = make_subscriber(number, **{"next_issue_at": NOW, "cut": 10.0} | fields)
    async with db.write() as conn:
        await subscribers.add(conn, wished, now=NOW)
        found = await subscribers.by_email(conn, wished.email)
    assert found
    return found


async def send_all(db: Database) -> None:
    """Everything in the outbox was accepted by some server."""
    async with db.write() as conn:
        await conn.execute(update(deliveries).values(state=DeliveryState.SENT.value))


async def reload(db: Database, subscriber: Subscriber) -> Subscriber:
    """The subscriber as it is stored now."""
    async with db.read() as conn:
        found = await subscribers.by_ids(conn, [subscriber.id])
    return found[subscriber.id]


async def issue_of(db: Database, subscriber: Subscriber) -> Issue | None:
    """The newest issue of a subscriber."""
    async with db.read() as conn:
        return await issues.latest_of(conn, subscriber.id)


def shown(issue: Issue | None) -> list[str]:
    """Ids of the papers that an issue shows."""
    return [match.paper_id for match in issue.shown] if issue else []
