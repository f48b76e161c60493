"""The figures of the operator's page: counted aside, right for every day, and never waited for twice."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import update

from digest.pipeline import tally
from digest.storage import facts
from digest.storage.database import Database
from digest.storage.tables import deliveries
from tests.deliver.scene import add_readers
from tests.make import NOW
from tests.pipeline.steps import at, send_all

TODAY = NOW.date()


async def end_all(db: Database, state: str) -> None:
    async with db.write() as conn:
        await conn.execute(update(deliveries).values(state=state))


def made(found: tally.Tally) -> Mapping[date, Mapping[str, int]]:
    return {day: states for day, states in found.days.items() if states}


async def test_issues_are_counted_by_day_and_end_and_readers_by_status(db: Database) -> None:
    await add_readers(db, 3)
    await send_all(db)
    found = await tally.count(db, NOW + timedelta(hours=1))
    assert (made(found), found.mailed, found.readers) == ({TODAY: {"sent": 3}}, 3, {"active": 3})
    assert found.states() == {"sent": 3}


async def test_days_are_counted_until_their_deliveries_must_have_ended(db: Database) -> None:
    await add_readers(db, 2)
    await tally.recount(db, NOW)
    await send_all(db)
    late = NOW + tally.ENDS_AFTER
    assert made(await tally.recount(db, late)) == {TODAY: {"sent": 2}}
    await tally.recount(db, late + timedelta(days=1))
    await end_all(db, "expired")
    assert made(await tally.count(db, late + timedelta(days=2))) == {TODAY: {"sent": 2}}


async def test_tally_of_a_clock_that_was_wrong_is_counted_anew(sqlite: Database) -> None:
    await tally.recount(sqlite, NOW + timedelta(days=20))
    await add_readers(sqlite, 2)
    assert made(await tally.count(sqlite, NOW)) == {TODAY: {"pending": 2}}


async def test_pages_see_the_newest_figures_of_a_small_installation(sqlite: Database) -> None:
    await add_readers(sqlite, 1)
    tallies = tally.Tallies(sqlite, at(NOW))
    assert (await tallies.newest()).states() == {"pending": 1}
    await send_all(sqlite)
    assert (await tallies.newest()).states() == {"sent": 1}


async def long_ago(db: Database) -> None:
    """A tally that took half a minute and says that everything waits, where everything is sent."""
    await add_readers(db, 1)
    slow = replace(await tally.recount(db, NOW), took=30.0)
    async with db.write() as conn:
        await facts.keep(conn, "tally", tally.to_json(slow), NOW)
    await send_all(db)


async def test_long_count_rests_twenty_times_as_long(sqlite: Database) -> None:
    await long_ago(sqlite)
    tallies = tally.Tallies(sqlite, at(NOW + timedelta(minutes=9)))
    assert (await tallies.newest()).states() == {"pending": 1}
    assert (await tallies.newest()).states() == {"pending": 1}


async def test_pages_show_what_is_known_while_a_long_count_goes_on(sqlite: Database) -> None:
    await long_ago(sqlite)
    tallies = tally.Tallies(sqlite, at(NOW + timedelta(minutes=11)))
    assert (await tallies.newest()).states() == {"pending": 1}
    async with asyncio.timeout(10):
        while (await tallies.newest()).states() != {"sent": 1}:
            await asyncio.sleep(0.01)
