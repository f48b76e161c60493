"""Too many bounces or complaints stop all sending, until the operator resumes it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from digest.models import Outcome, Verdict
from digest.pipeline import alarm
from digest.pipeline.sending import Way, send_due
from digest.pipeline.workers import worker_name
from digest.storage import rates
from digest.storage.database import Database
from digest.storage.suppressions import suppress
from digest.storage.tables import bounces, deliveries
from tests.deliver.scene import ScriptedTransport, add_readers, render
from tests.make import NOW
from tests.pipeline.steps import at, send_all

numbers = st.integers(0, 10**6)


@given(numbers, numbers, numbers)
def test_alarm_follows_the_shares(mailed: int, bounced: int, complained: int) -> None:
    high = (bounced >= 5 and bounced > 0.05 * mailed) or (complained >= 2 and complained > 0.003 * mailed)
    assert (alarm.alarm(mailed, bounced, complained) is not None) == high


@given(numbers, numbers, numbers)
def test_counting_further_than_enough_changes_nothing(mailed: int, bounced: int, complained: int) -> None:
    counted = min(mailed, alarm.enough(bounced, complained))
    cut_short, whole = (alarm.alarm(number, bounced, complained) for number in (counted, mailed))
    assert (cut_short is None) == (whole is None)


def test_single_complaint_of_a_small_list_does_not_stop_it() -> None:
    assert alarm.alarm(20, 1, 1) is None


async def send(db: Database, transport: ScriptedTransport):
    way = Way(transport=lambda: transport, render=lambda: render, return_path=lambda _: "", leaves=True)
    return await send_due(db, way, clock=at(NOW), worker=worker_name())


async def complain(db: Database, number: int) -> None:
    async with db.write() as conn:
        for reader in range(number):
            await suppress(conn, f"reader{reader}@papers.dev", "complaint", NOW)


async def test_complaints_pause_sending_until_it_is_resumed(db: Database) -> None:
    await add_readers(db, 20)
    await send_all(db)
    await complain(db, 2)
    found = await alarm.watch(db, NOW)
    assert found
    assert found.reason == "2 complaints about 20 mails of one day (more than 0.3%)"
    await add_readers(db, 1, start=30)
    transport = ScriptedTransport()
    report = await send(db, transport)
    assert (transport.recipients, report.pending, report.ok) == ([], 1, False)
    assert "digest status --resume" in report.paused
    await alarm.resume(db, NOW + timedelta(seconds=1))
    assert (await send(db, transport)).sent == 1


async def test_refusals_and_returned_mails_are_bounces(db: Database) -> None:
    await add_readers(db, 20)
    await send_all(db)
    async with db.write() as conn:
        refused = deliveries.c.id.in_([1, 2, 3])
        await conn.execute(update(deliveries).where(refused).values(state="failed", reply="rcpt: 550 no"))
        own = deliveries.c.id == 4
        await conn.execute(update(deliveries).where(own).values(state="failed", reply="address: reserved"))
        for number in range(2):
            row = {"key": f"k{number}", "address_hash": "h", "kind": "soft", "status": "", "received_at": NOW}
            await conn.execute(insert(bounces).values(row))
    async with db.read() as conn:
        assert await rates.trouble(conn, NOW) == (5, 0)
        assert [await rates.mailed(conn, NOW, limit) for limit in (None, 7)] == [19, 7]
    assert await alarm.watch(db, NOW)


async def test_mailbox_that_refuses_at_once_is_one_bounce(db: Database) -> None:
    await add_readers(db, 20)
    full = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=552, enhanced="5.2.2", reply="5.2.2 full")
    await send(db, ScriptedTransport({"reader3@papers.dev": full}))
    async with db.read() as conn:
        assert await rates.trouble(conn, NOW - alarm.SPAN) == (1, 0)


async def test_resuming_forgets_what_was_counted_before(db: Database) -> None:
    await add_readers(db, 20)
    await send_all(db)
    await complain(db, 3)
    await alarm.watch(db, NOW)
    await alarm.resume(db, NOW + timedelta(minutes=1))
    assert await alarm.watch(db, NOW + timedelta(minutes=2)) is None
