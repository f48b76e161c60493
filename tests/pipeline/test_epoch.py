"""A restored backup sends nothing until it is confirmed, and then nobody gets a paper twice."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from digest.cli.backup import copy
from digest.errors import HeldError
from digest.pipeline import epoch
from digest.pipeline.compose import compose
from digest.pipeline.sending import Way, send_due
from digest.pipeline.workers import worker_name
from digest.storage.database import Database
from tests.deliver.scene import ScriptedTransport, ledger, render
from tests.make import NOW, make_paper
from tests.pipeline.steps import announce, at, subscribe

LATER = NOW + timedelta(days=1)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    db = Database(f"sqlite:///{path}")
    try:
        yield db
    finally:
        await db.close()


async def send(db: Database, transport: ScriptedTransport, when=NOW):
    way = Way(
        transport=lambda: transport,
        render=lambda: render,
        return_path=lambda _: "bounces@papers.dev",
        leaves=True,
    )
    return await send_due(db, way, clock=at(when), worker=worker_name())


async def compose_one(db: Database, when=NOW) -> None:
    await announce(db, make_paper(1, title="language models"), when=when)
    await compose(db, clock=at(when))


async def test_new_database_is_taken_for_ours(db: Database) -> None:
    await epoch.check(db, NOW)
    await epoch.advance(db, NOW)
    assert await epoch.held(db) is None


async def test_copy_restored_over_the_file_sends_nothing(sqlite: Database, tmp_path: Path) -> None:
    assert sqlite.path
    await epoch.advance(sqlite, NOW)
    copy(sqlite.path, tmp_path / "backup.db")
    await epoch.advance(sqlite, NOW)
    await sqlite.close()
    sqlite.path.with_name("digest.db-wal").unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "backup.db", sqlite.path)  # the same inode: only the count tells
    async with opened(sqlite.path) as restored:
        with pytest.raises(HeldError, match="a backup, restored; nothing is sent until you confirm"):
            await epoch.check(restored, NOW)


async def test_copy_in_another_place_sends_nothing(sqlite: Database, tmp_path: Path) -> None:
    assert sqlite.path
    await epoch.advance(sqlite, NOW)
    copy(sqlite.path, tmp_path / "elsewhere.db")
    async with opened(tmp_path / "elsewhere.db") as moved:
        with pytest.raises(HeldError, match="restored, copied or moved"):
            await epoch.check(moved, NOW)


async def test_crash_between_count_and_file_holds_nobody_back(sqlite: Database) -> None:
    assert sqlite.path
    await epoch.advance(sqlite, NOW)
    sqlite.path.with_suffix(".epoch").write_text("1\n")
    await epoch.check(sqlite, NOW)
    sqlite.path.with_suffix(".epoch").unlink()
    await epoch.check(sqlite, NOW)


async def test_held_database_keeps_its_outbox_until_it_is_confirmed(sqlite: Database, tmp_path: Path) -> None:
    assert sqlite.path
    await subscribe(sqlite)
    await compose_one(sqlite)
    await epoch.advance(sqlite, NOW)
    copy(sqlite.path, tmp_path / "copy.db")
    transport = ScriptedTransport()
    async with opened(tmp_path / "copy.db") as restored:
        with pytest.raises(HeldError):
            await send(restored, transport)
        assert (transport.recipients, await ledger(restored)) == ([], {"reader1@papers.dev": "pending"})
        await epoch.confirm(restored, NOW)
        assert (await send(restored, transport)).sent == 1


async def test_skipping_mails_nothing_of_the_time_before(sqlite: Database, tmp_path: Path) -> None:
    assert sqlite.path
    await subscribe(sqlite)
    await compose_one(sqlite)
    await epoch.advance(sqlite, NOW)
    copy(sqlite.path, tmp_path / "copy.db")
    transport = ScriptedTransport()
    async with opened(tmp_path / "copy.db") as restored:
        await epoch.confirm(restored, LATER, skip=True)
        await compose(restored, clock=at(LATER + timedelta(days=2)))
        await send(restored, transport, LATER + timedelta(days=2))
    assert transport.recipients == []


async def test_folder_is_written_from_any_copy(sqlite: Database, tmp_path: Path) -> None:
    assert sqlite.path
    await subscribe(sqlite)
    await compose_one(sqlite)
    await epoch.advance(sqlite, NOW)
    copy(sqlite.path, tmp_path / "copy.db")
    async with opened(tmp_path / "copy.db") as copied:
        transport = ScriptedTransport()
        way = Way(transport=lambda: transport, render=lambda: render, return_path=lambda _: "", leaves=False)
        assert (await send_due(copied, way, clock=at(NOW), worker=worker_name())).sent == 1


async def test_run_that_begins_meanwhile_is_no_backup(sqlite: Database) -> None:
    """The file is written after the database: read in the other order, it seems to run ahead."""
    await epoch.advance(sqlite, NOW)
    found: list[str | None] = []

    async def look() -> None:
        while len(found) < 200:
            found.append(await epoch.held(sqlite))

    async def count_runs() -> None:
        while len(found) < 200:
            await epoch.advance(sqlite, NOW)

    await asyncio.gather(look(), look(), count_runs())
    assert set(found) == {None}
