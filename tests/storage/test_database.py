"""The database loses no update and says what is wrong in one sentence."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.errors import StorageError
from digest.storage.database import Database
from digest.storage.migrate import upgrade


async def test_concurrent_updates_are_all_kept(db: Database) -> None:
    async with db.write() as conn:
        await conn.execute(text("create table counter (n integer)"))
        await conn.execute(text("insert into counter values (0)"))

    async def increment() -> None:
        async with db.write() as conn:
            lock = "" if db.is_sqlite else " for update"
            n = (await conn.execute(text(f"select n from counter{lock}"))).scalar_one()
            await conn.execute(text("update counter set n = :n"), {"n": n + 1})

    await asyncio.gather(*(increment() for _ in range(20)))
    async with db.read() as conn:
        assert (await conn.execute(text("select n from counter"))).scalar_one() == 20


async def test_reading_does_not_wait_for_a_writer(sqlite: Database) -> None:
    async with sqlite.write() as writer:
        await writer.execute(text("delete from papers"))
        async with asyncio.timeout(1), sqlite.read() as reader:
            assert (await reader.execute(text("select count(*) from papers"))).scalar_one() == 0


async def test_failed_write_leaves_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.write() as conn:
            await conn.execute(text("insert into leases values ('a', 'b', '2026-01-01 00:00:00')"))
            raise RuntimeError
    async with db.read() as conn:
        assert (await conn.execute(text("select count(*) from leases"))).scalar_one() == 0


async def test_locked_database_is_one_sentence(sqlite_url: str) -> None:
    holder, waiter = Database(sqlite_url), Database(sqlite_url, busy_seconds=0.1)
    async with holder.write():
        with pytest.raises(StorageError, match="another process holds the database"):
            async with waiter.write():
                pass
    await holder.close()
    await waiter.close()


def test_foreign_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table bookmarks (url text)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="belongs to another program"):
        upgrade(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_text_file_is_refused_as_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes, and they are long enough to look like something else.\n" * 20)
    with pytest.raises(StorageError, match="not an SQLite database"):
        upgrade(f"sqlite:///{path}")


def test_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        upgrade(f"sqlite:///{tmp_path}/no/such/folder/digest.db")


def test_upgrade_twice_changes_nothing(db_url: str) -> None:
    assert upgrade(db_url) is False
