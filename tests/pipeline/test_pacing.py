"""After an outage everybody gets one issue, and the mails leave over a span of time."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from digest.pipeline import pacing
from digest.pipeline.compose import compose
from digest.storage.database import Database
from digest.storage.tables import deliveries
from tests.make import NOW, make_paper
from tests.pipeline.steps import announce, at, subscribe

counts = st.integers(0, 10**7)


@given(counts, counts)
def test_more_readers_take_no_shorter_span(few: int, more: int) -> None:
    few, more = sorted((few, more))
    assert pacing.span(few) <= pacing.span(more) <= pacing.LONGEST


@given(counts, st.timedeltas(timedelta(), timedelta(days=9)), counts)
def test_issue_leaves_within_the_span(number: int, overdue: timedelta, readers: int) -> None:
    spread = pacing.span(readers)
    leaves_at = pacing.leaves_at(NOW - overdue, NOW, number, spread)
    assert NOW <= leaves_at <= NOW + spread
    assert leaves_at == pacing.leaves_at(NOW - overdue, NOW, number, spread)
    assert overdue >= pacing.OVERDUE or leaves_at == NOW


def test_readers_are_spread_evenly() -> None:
    spread = timedelta(hours=1)
    places = [pacing.leaves_at(NOW - spread, NOW, number, spread) for number in range(6000)]
    minutes = [
        sum(NOW + timedelta(minutes=m) <= p < NOW + timedelta(minutes=m + 1) for p in places)
        for m in range(60)
    ]
    assert min(minutes) > 60
    assert max(minutes) < 150


async def due_times(db: Database, readers: int, overdue: timedelta) -> set[timedelta]:
    await announce(db, make_paper(1, title="language models"))
    for number in range(readers):
        await subscribe(db, number + 1, next_issue_at=NOW - overdue)
    await compose(db, clock=at(NOW), spread=True)
    async with db.read() as conn:
        return {due_at - NOW for due_at in await conn.scalars(select(deliveries.c.due_at))}


async def test_catch_up_of_many_is_spread(db: Database) -> None:
    found = await due_times(db, pacing.TOGETHER + 2, timedelta(hours=5))
    assert len(found) == pacing.TOGETHER + 2
    assert max(found) <= pacing.span(pacing.TOGETHER + 2)


async def test_catch_up_of_few_leaves_at_once(db: Database) -> None:
    assert await due_times(db, 3, timedelta(hours=5)) == {timedelta()}


async def test_promised_hour_is_kept_for_everybody(db: Database) -> None:
    assert await due_times(db, pacing.TOGETHER + 2, timedelta(seconds=40)) == {timedelta()}
