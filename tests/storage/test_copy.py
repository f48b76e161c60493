"""`digest db copy`: every row of a full SQLite database arrives in PostgreSQL, and only one of them sends."""

import datetime
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Date, Float, Integer, LargeBinary, Table, insert, select, text

from digest.errors import BusyError, HeldError, StorageError
from digest.pipeline import epoch
from digest.pipeline.compose import compose
from digest.pipeline.moving import move
from digest.storage import facts, subscribers
from digest.storage.database import Database
from digest.storage.tables import UtcDateTime, metadata, papers, sources
from digest.storage.tables_running import leases
from tests.make import NOW, make_subscriber

TABLES = [table for table in metadata.sorted_tables if table is not leases]
TEXTS = ("plain", "Gödel's “Σ”, 漢字, 🦉", "two\nlines\tand 'quotes' \\ % %s {}", "x" * 9_000)


async def test_every_row_of_every_table_arrives_unchanged(sqlite: Database, postgres: Database) -> None:
    await _fill(sqlite)
    counts = await move(sqlite, postgres, NOW)
    for table in TABLES:
        assert await _rows(postgres, table) == await _rows(sqlite, table), table.name
    assert set(counts) == {table.name for table in TABLES}
    assert min(counts.values()) >= 3


async def test_copied_deliveries_lie_in_their_months(sqlite: Database, postgres: Database) -> None:
    await _fill(sqlite)
    await move(sqlite, postgres, NOW)
    async with postgres.read() as conn:
        places = await conn.execute(text("SELECT DISTINCT tableoid::regclass::text FROM deliveries"))
        assert list(places.scalars()) == ["deliveries_2026_04"]


async def test_numbers_go_on_after_the_last(sqlite: Database, postgres: Database) -> None:
    await _fill(sqlite)
    await move(sqlite, postgres, NOW)
    async with postgres.write() as conn:
        assert await subscribers.add(conn, make_subscriber(77), now=NOW) == 5
    await compose(postgres, clock=lambda: NOW)


async def test_only_the_new_database_sends(sqlite: Database, postgres: Database) -> None:
    await epoch.advance(sqlite, NOW)
    await move(sqlite, postgres, NOW)
    await epoch.check(postgres, NOW)
    with pytest.raises(HeldError, match=r"moved to PostgreSQL on 2026-.* stop this process"):
        await epoch.check(sqlite, NOW)


async def test_moved_database_comes_back_only_by_a_deliberate_word(
    sqlite: Database, postgres: Database
) -> None:
    await move(sqlite, postgres, NOW)
    with pytest.raises(HeldError, match="--here"):
        await epoch.confirm(sqlite, NOW, skip=True)
    with pytest.raises(HeldError, match="moved to PostgreSQL"):
        await move(sqlite, postgres, NOW)
    await epoch.confirm(sqlite, NOW, here=True)
    await epoch.check(sqlite, NOW)


async def test_source_that_another_process_has_open_is_refused(sqlite: Database, postgres: Database) -> None:
    """Even one that does nothing: a reader would sign up there a moment later."""
    idle = Database(sqlite.url)
    async with idle.read() as conn:
        await facts.fact(conn, epoch.HOME)
    with pytest.raises(BusyError, match="stop digest serve first"):
        await move(sqlite, postgres, NOW)
    await idle.close()
    await move(sqlite, postgres, NOW)


async def test_filled_target_is_refused_and_untouched(sqlite: Database, postgres: Database) -> None:
    await _fill(sqlite)
    async with postgres.write() as conn:
        await subscribers.add(conn, make_subscriber(9), now=NOW)
    with pytest.raises(StorageError, match="already holds data"):
        await move(sqlite, postgres, NOW)
    assert len(await _rows(postgres, papers)) == 0


async def test_source_at_work_is_refused(sqlite: Database, postgres: Database) -> None:
    async with sqlite.write() as conn:
        later = NOW + datetime.timedelta(minutes=1)
        await conn.execute(insert(leases).values(name="pass", holder="somebody", leased_until=later))
    with pytest.raises(BusyError, match="stop it"):
        await move(sqlite, postgres, NOW)


async def test_copy_that_fails_half_way_leaves_nothing(sqlite: Database, postgres: Database) -> None:
    await _fill(sqlite)
    async with sqlite.write() as conn:
        too_long = _row(sources, 8) | {"name": "n" * 300}  # SQLite does not mind
        await conn.execute(insert(sources).values(too_long))
    with pytest.raises(StorageError, match="changed nothing"):
        await move(sqlite, postgres, NOW)
    assert [await _rows(postgres, table) for table in TABLES] == [[] for _ in TABLES]
    await epoch.check(sqlite, NOW)


async def _fill(db: Database) -> None:
    """Four rows in every table, foreign keys among them, with texts that are hard to copy."""
    async with db.write() as conn:
        for table in TABLES:
            await conn.execute(insert(table), [_row(table, number) for number in range(1, 5)])


def _row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(table, column, number) for column in table.columns}


def _value(table: Table, column: Any, number: int) -> Any:
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return None if column.nullable else NOW + datetime.timedelta(microseconds=number)
    if isinstance(kind, LargeBinary):
        return bytes(range(256)) * number
    if isinstance(kind, Date):
        return NOW.date()
    if isinstance(kind, JSON):
        return [number, TEXTS[1], {"deep": [None, 0.1]}]
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Integer | Float):
        return number
    room = kind.length or 10_000
    return f"{number} {TEXTS[number % 4]}"[:room]


async def _rows(db: Database, table: Table) -> list[tuple[Any, ...]]:
    query = select(table)
    if table.name == "facts":  # what the move itself writes
        query = query.where(table.c.name != epoch.HOME)
    async with db.read() as conn:
        return [tuple(row) for row in await conn.execute(query.order_by(*table.primary_key.columns))]
