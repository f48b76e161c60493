"""Deliveries by month: made ahead, dropped whole, nothing lost; on SQLite the same calls do nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text, update

from digest.models import DeliveryKind
from digest.pipeline.retention import Kept, clean_up
from digest.storage import doubts, months, outbox, subscribers
from digest.storage.database import Database
from digest.storage.tables import deliveries, issues
from tests.deliver.scene import add_readers, issue
from tests.make import NOW

KEPT = Kept(issues=timedelta(days=40))
MUCH_LATER = NOW + timedelta(days=365)
APRIL, MAY = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)


async def made(db: Database, now: datetime) -> int:
    async with db.write() as conn:
        return await conn.run_sync(months.make_ahead, now)


async def dropped(db: Database, name: str) -> int:
    async with db.write() as conn:
        return await conn.run_sync(months.drop, name)


async def names(db: Database) -> list[str]:
    async with db.read() as conn:
        return [part.name for part in await conn.run_sync(months.parts)]


async def where(db: Database) -> dict[str, int]:
    """Partition -> number of deliveries."""
    async with db.read() as conn:
        rows = await conn.execute(
            text("SELECT tableoid::regclass::text, count(*) FROM deliveries GROUP BY 1")
        )
        return {row[0]: row[1] for row in rows}


async def write_letter(db: Database, at: datetime) -> None:
    async with db.write() as conn:
        await outbox.enqueue(conn, kind=DeliveryKind.NOTICE, email="ada@papers.dev", due_at=at, now=at)


async def settle_all(db: Database, state: str = "sent") -> None:
    async with db.write() as conn:
        await conn.execute(update(deliveries).values(state=state))


async def test_months_are_made_ahead_once(postgres: Database) -> None:
    before = await names(postgres)
    assert (await made(postgres, NOW), await made(postgres, NOW)) == (4, 0)
    assert set(await names(postgres)) - set(before) == {f"deliveries_2026_{m:02}" for m in (4, 5, 6, 7)}
    assert await made(postgres, NOW + timedelta(days=30)) == 1


async def test_many_processes_make_the_same_months(postgres: Database) -> None:
    ends = await asyncio.gather(*(made(postgres, NOW) for _ in range(8)))
    assert sorted(ends) == [0] * 7 + [4]


async def test_month_takes_over_what_came_before_it_was_made(postgres: Database) -> None:
    await add_readers(postgres, 3)
    await write_letter(postgres, MAY)
    assert await where(postgres) == {"deliveries_other": 4}
    await made(postgres, NOW)
    assert await where(postgres) == {"deliveries_2026_04": 3, "deliveries_2026_05": 1}


async def test_last_and_first_moments_fall_into_their_months(postgres: Database) -> None:
    await made(postgres, NOW)
    for at in (MAY - timedelta(microseconds=1), MAY, APRIL, APRIL - timedelta(microseconds=1)):
        await write_letter(postgres, at)
    assert await where(postgres) == {"deliveries_2026_04": 2, "deliveries_2026_05": 1, "deliveries_other": 1}


async def test_second_delivery_of_an_issue_is_refused(db: Database) -> None:
    await add_readers(db, 1)
    for at in (NOW, NOW + timedelta(days=60)):
        with pytest.raises(Exception, match=r"(?i)unique|foreign key"):
            async with db.write() as conn:
                row = outbox.new_row(
                    kind=DeliveryKind.ISSUE, email="a@papers.dev", due_at=NOW, now=at, issue_id=1
                )
                await conn.execute(insert(deliveries).values(row))


async def test_old_month_is_dropped_whole_and_its_issues_go(postgres: Database) -> None:
    await made(postgres, NOW)
    await add_readers(postgres, 5)
    await settle_all(postgres)
    kept = await clean_up(postgres, KEPT, MAY + timedelta(days=39))
    assert (kept.months, kept.issues, await where(postgres)) == (0, 0, {"deliveries_2026_04": 5})
    report = await clean_up(postgres, KEPT, MAY + timedelta(days=40))
    assert (report.months, report.issues) == (1, 5)
    assert "deliveries_2026_04" not in await names(postgres)


@pytest.mark.parametrize("state", ["pending", "claimed", "data", "deferred", "uncertain"])
async def test_month_with_work_or_doubt_stays_and_the_rest_of_it_goes(postgres: Database, state: str) -> None:
    await made(postgres, NOW)
    await add_readers(postgres, 5)
    await settle_all(postgres)
    async with postgres.write() as conn:
        await conn.execute(update(deliveries).where(deliveries.c.id == 3).values(state=state))
    report = await clean_up(postgres, KEPT, MAY + timedelta(days=40))
    assert (report.months, report.issues, await where(postgres)) == (0, 4, {"deliveries_2026_04": 1})
    await settle_all(postgres)
    assert (await clean_up(postgres, KEPT, MAY + timedelta(days=40))).months == 1


async def test_busy_tables_are_left_to_the_next_time(postgres: Database) -> None:
    await made(postgres, NOW)
    await write_letter(postgres, NOW)
    await settle_all(postgres)
    async with postgres.write() as worker:
        await worker.execute(update(deliveries).values(reply="at work"))
        assert (await dropped(postgres, "deliveries_2026_04"), await made(postgres, MUCH_LATER)) == (0, 0)
        await worker.execute(update(deliveries).values(reply="still at work"))
    assert (await dropped(postgres, "deliveries_2026_04"), await made(postgres, MUCH_LATER)) == (1, 4)


async def test_row_that_becomes_open_while_its_month_is_chosen_is_kept(postgres: Database) -> None:
    await made(postgres, NOW)
    await write_letter(postgres, NOW)
    await settle_all(postgres)
    async with postgres.read() as conn:
        assert await conn.run_sync(months.droppable, MAY) == ["deliveries_2026_04"]
    await settle_all(postgres, "uncertain")
    assert await dropped(postgres, "deliveries_2026_04") == 0
    assert await where(postgres) == {"deliveries_2026_04": 1}


async def test_month_that_another_process_dropped_is_no_error(postgres: Database) -> None:
    await made(postgres, NOW)
    ends = await asyncio.gather(*(dropped(postgres, "deliveries_2026_04") for _ in range(4)))
    assert sorted(ends) == [0, 0, 0, 1]


async def test_numbers_of_deliveries_are_never_used_again(postgres: Database) -> None:
    await made(postgres, NOW)
    await add_readers(postgres, 3)
    await settle_all(postgres)
    await clean_up(postgres, KEPT, MAY + timedelta(days=40))
    async with postgres.write() as conn:
        number = await outbox.enqueue(
            conn, kind=DeliveryKind.NOTICE, email="ada@papers.dev", due_at=NOW, now=NOW
        )
    assert number == 4


async def test_forgotten_reader_leaves_no_delivery_in_any_month(postgres: Database) -> None:
    await made(postgres, NOW)
    await add_readers(postgres, 2)
    async with postgres.write() as conn:
        later = issue(0) | {"id": 9, "due_at": MAY, "created_at": MAY}
        await conn.execute(insert(issues).values(later))
        row = outbox.new_row(
            kind=DeliveryKind.ISSUE,
            email="a@papers.dev",
            due_at=MAY,
            now=MAY,
            issue_id=9,
            subscriber_id=1,
        )
        await conn.execute(insert(deliveries).values(row))
        await conn.execute(text("DELETE FROM subscribers WHERE id = 1"))
    assert await where(postgres) == {"deliveries_2026_04": 1}


async def test_sqlite_has_one_table_and_the_same_calls(sqlite: Database) -> None:
    await write_letter(sqlite, NOW)
    assert (await made(sqlite, NOW), await names(sqlite)) == (0, [])
    async with sqlite.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(deliveries)) == 1


async def test_message_in_doubt_goes_with_its_reader_and_with_its_delivery(db: Database) -> None:
    await add_readers(db, 3)
    async with db.write() as conn:
        await conn.run_sync(doubts.keep, dict.fromkeys((1, 2, 3), b"From: digest"))
        await subscribers.remove(conn, 1)
        await conn.execute(text("DELETE FROM deliveries WHERE id = 2"))
    await clean_up(db, KEPT, NOW)
    async with db.read() as conn:
        assert set(await doubts.by_ids(conn, [1, 2, 3])) == {3}
