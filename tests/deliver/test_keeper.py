"""Pace, pauses and a database that cannot be written: what the keeper of the ledger does about them."""

import asyncio
import sqlite3
import time
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from digest.deliver import conversation
from digest.deliver.relay import parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.errors import DigestError, StorageError
from digest.models import Delivery, Message, Outcome, Verdict
from digest.pipeline import keeper
from digest.storage import outbox, relays
from digest.storage.database import Database
from digest.storage.tables import deliveries
from tests.deliver.scene import ScriptedTransport, add_readers, ledger, render, run
from tests.deliver.server import ScriptedServer
from tests.make import NOW

DOWN = Outcome(verdict=Verdict.UNAVAILABLE, stage="mail", code=421, reply="closing")


async def test_a_rate_is_kept_and_shared_and_survives_a_restart(db: Database) -> None:
    await add_readers(db, 40)
    start = time.monotonic()
    reports = await asyncio.gather(*(run(db, ScriptedTransport(rate=20)) for _ in range(2)))
    assert sum(report.sent for report in reports) == 40
    assert 0.9 <= time.monotonic() - start < 3
    async with db.write() as conn:
        at = NOW + timedelta(seconds=0.5)
        assert await conn.run_sync(relays.reserve_slots, "scripted:25", 20, at, 50) < 20


@pytest.mark.parametrize(
    ("rate", "wanted", "allowed"), [(20.0, 50, 20), (0.1, 5, 1), (1.0, 0, 0), (2.5, 9, 2)]
)
async def test_a_burst_is_one_second_or_one_message(
    db: Database, rate: float, wanted: int, allowed: int
) -> None:
    async with db.write() as conn:
        assert await conn.run_sync(relays.reserve_slots, "x:25", rate, NOW, wanted) == allowed
        assert await conn.run_sync(relays.reserve_slots, "x:25", rate, NOW, 1) == (not wanted)
        later = NOW + timedelta(seconds=1 / rate)
        assert await conn.run_sync(relays.reserve_slots, "x:25", rate, later, 1) == 1


async def test_a_pause_grows_with_each_run_and_ticks_honour_it(db: Database) -> None:
    await add_readers(db, 5)
    down = ScriptedTransport({f"reader{n}@papers.dev": DOWN for n in range(5)})
    await run(db, down)
    tried = len(down.recipients)
    tick = await run(db, down, patient=True)
    assert (tick.paused, tick.pending, len(down.recipients)) == ("closing", 5 - tried, tried)
    later = await run(db, ScriptedTransport(), patient=True, clock=lambda: NOW + timedelta(minutes=5))
    assert (later.paused, later.sent) == ("", 5)


async def test_a_locked_database_delays_the_ledger_and_loses_nothing(sqlite: Database) -> None:
    class Locking(ScriptedTransport):
        """Another program takes the write lock while a message is on its way, and lets go of it later."""

        locked = False

        async def send(self, envelope: object) -> Outcome:
            if not self.locked:
                self.locked = True
                holder = sqlite3.connect(str(sqlite.path), isolation_level=None, timeout=5)
                holder.execute("BEGIN IMMEDIATE")
                asyncio.get_running_loop().call_later(0.5, holder.close)
            return await super().send(envelope)  # type: ignore[arg-type]

    await add_readers(sqlite, 20)
    hasty = Database(sqlite.url, busy_seconds=0.05)
    report = await run(hasty, Locking())
    await hasty.close()
    states = await ledger(sqlite)
    assert (report.balanced, "locked" not in report.paused) == (True, False)
    assert report.sent == sum(state == "sent" for state in states.values()) > 0
    assert set(states.values()) <= {"sent", "pending"}


async def test_a_database_that_stays_locked_is_one_sentence(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE", (0.01,))
    await add_readers(sqlite, 3)
    holder = sqlite3.connect(str(sqlite.path), isolation_level=None, timeout=5)

    class Locking(ScriptedTransport):
        async def send(self, envelope: object) -> Outcome:
            if not holder.in_transaction:
                holder.execute("BEGIN IMMEDIATE")
            return await super().send(envelope)  # type: ignore[arg-type]

    hasty = Database(sqlite.url, busy_seconds=0.02)
    with pytest.raises(StorageError, match="another process holds the database"):
        await run(hasty, Locking())
    holder.close()
    await hasty.close()
    assert set((await ledger(sqlite)).values()) <= {"data", "claimed"}


async def test_a_stop_leaves_in_doubt_only_what_a_silent_server_has_got(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(conversation.TIMEOUTS, "dot", 1.0)
    await add_readers(db, 100)
    stop = asyncio.Event()
    script = {f"reader{n}@papers.dev": "mute" for n in range(100)}
    async with ScriptedServer(script).running() as server:
        transport = SmtpTransport(parse_relay(server.url), connections=3)
        running = asyncio.create_task(run(db, transport, stop=stop))
        while not server.heard:
            await asyncio.sleep(0.01)
        stop.set()
        report = await running
        await transport.close()
    got = len(server.heard)
    assert 1 <= got <= 3
    assert (report.uncertain, report.pending, report.balanced) == (got, 100 - got, True)
    assert Counter((await ledger(db)).values()) == {"uncertain": got, "pending": 100 - got}


async def test_a_claim_carries_every_field_of_its_row(db: Database) -> None:
    await add_readers(db, 1)
    async with db.write() as conn:
        claim = await outbox.claim(conn, worker="w", now=NOW, limit=1)
        row = (await conn.execute(select(deliveries))).mappings().one()
    claimed = {name: getattr(claim.ready[0], name) for name in Delivery._fields}
    assert claimed == {name: row[name] for name in claimed} | {"attempts": row["attempts"] + 1}


async def peak_of(db: Database, count: int) -> int:
    """Most bytes that Python held during a run over so many messages of 30 kB."""

    async def large(batch: Sequence[Delivery]) -> dict[int, Message | DigestError]:
        small = await render(batch)
        return {
            number: replace(one, raw=one.raw + bytes(30_000))
            for number, one in small.items()
            if isinstance(one, Message)
        }

    tracemalloc.start()
    report = await run(db, ScriptedTransport(concurrency=8), render=large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.sent == count
    return peak


async def test_memory_does_not_grow_with_the_number_of_deliveries(db: Database) -> None:
    await add_readers(db, 600)
    few = await peak_of(db, 600)
    await add_readers(db, 2400, start=600)
    many = await peak_of(db, 2400)
    assert many < few * 1.3
    assert many < 3 * 200 * 31_000
