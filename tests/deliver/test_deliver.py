"""The step itself on both databases: claims, sends, settles, accounts, and what it does about trouble."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from digest.deliver.files import FileTransport
from digest.deliver.transport import Envelope
from digest.errors import DigestError, TemplateError
from digest.models import Delivery, DeliveryState, Message, Outcome, Verdict
from digest.pipeline.leaving import erase
from digest.pipeline.workers import worker_name
from digest.storage import outbox, recovery
from digest.storage.database import Database
from digest.storage.ledger import Mark, mark, settle
from digest.storage.suppressions import suppress, suppressed_for
from digest.storage.tables import deliveries, mailed, subscribers
from tests.deliver.scene import LATER, ScriptedTransport, add_readers, ledger, render, run
from tests.make import NOW

NO = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=550, enhanced="5.7.1", reply="5.7.1 No")
UNKNOWN_USER = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=550, enhanced="5.1.1", reply="5.1.1 Who?")
FULL = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=552, enhanced="5.2.2", reply="5.2.2 full")
GREY = Outcome(verdict=Verdict.DEFERRED, stage="rcpt", code=450, enhanced="4.2.0", reply="4.2.0 later")
DOWN = Outcome(verdict=Verdict.UNAVAILABLE, stage="mail", code=421, reply="closing")
DOUBT = Outcome(verdict=Verdict.UNKNOWN, stage="dot", reply="the server closed the connection")


async def reserved(db: Database) -> int:
    async with db.read() as conn:
        return int(await conn.scalar(select(func.count()).select_from(mailed)) or 0)


async def test_a_second_run_sends_nothing(db: Database, tmp_path: Path) -> None:
    await add_readers(db, 3)
    first = await run(db, FileTransport(tmp_path))
    second = await run(db, FileTransport(tmp_path))
    assert (first.selected, first.sent, first.ok) == (3, 3, True)
    assert (second.selected, second.sent, second.ok) == (0, 0, True)
    assert len(list(tmp_path.glob("*.eml"))) == len(list(tmp_path.glob("*.html"))) == 3
    assert sorted(first.written) == sorted(str(path) for path in tmp_path.glob("*.eml"))


async def test_more_than_a_batch_is_sent_once_each(db: Database) -> None:
    await add_readers(db, 450)
    transport = ScriptedTransport(concurrency=8)
    report = await run(db, transport)
    assert (report.selected, report.sent, report.balanced) == (450, 450, True)
    assert sorted(transport.recipients) == sorted(f"reader{n}@papers.dev" for n in range(450))


async def test_one_refused_reader_never_stops_the_rest(db: Database) -> None:
    await add_readers(db, 20)
    report = await run(db, ScriptedTransport({"reader7@papers.dev": NO}))
    assert (report.sent, report.failed, report.ok) == (19, 1, False)
    told = [(problem.email, problem.state, problem.reason) for problem in report.problems]
    assert told == [("reader7@papers.dev", "failed", "rcpt: 550 5.7.1 No")]


async def test_papers_of_a_failed_delivery_are_free_again(db: Database) -> None:
    await add_readers(db, 3)
    await run(db, ScriptedTransport({"reader0@papers.dev": NO, "reader1@papers.dev": DOUBT}))
    assert await reserved(db) == 2


async def test_an_unknown_address_is_suppressed_but_a_policy_refusal_is_not(db: Database) -> None:
    await add_readers(db, 2)
    await run(db, ScriptedTransport({"reader0@papers.dev": UNKNOWN_USER, "reader1@papers.dev": NO}))
    async with db.read() as conn:
        assert await suppressed_for(conn, "Reader0@papers.dev") == "hard bounce"
        assert await suppressed_for(conn, "reader1@papers.dev") is None
        status = select(subscribers.c.status).order_by(subscribers.c.id)
        assert (await conn.scalars(status)).all() == ["suppressed", "active"]


async def test_deferred_is_sent_when_its_time_comes(db: Database) -> None:
    await add_readers(db, 1)
    first = await run(db, ScriptedTransport({"reader0@papers.dev": GREY}))
    soon = await run(db, ScriptedTransport(), clock=lambda: NOW + timedelta(minutes=5))
    later = await run(db, ScriptedTransport(), clock=lambda: LATER)
    assert [report.deferred for report in (first, soon, later)] == [1, 0, 0]
    assert [report.sent for report in (first, soon, later)] == [0, 0, 1]


async def test_without_a_server_everything_waits(db: Database) -> None:
    await add_readers(db, 300)
    report = await run(db, ScriptedTransport({"reader5@papers.dev": DOWN}))
    assert report.paused == "closing"
    assert (report.selected, report.failed, report.deferred, report.balanced) == (300, 0, 1, True)
    assert report.sent + report.pending == 299
    again = await run(db, ScriptedTransport(), clock=lambda: LATER)
    assert again.sent == report.pending + 1


async def test_a_broken_template_defers_and_names_itself(db: Database) -> None:
    async def broken(batch: Sequence[Delivery]) -> dict[int, Message | DigestError]:
        whole = await render(batch)
        return whole | {batch[0].id: TemplateError("issue.html:3: unexpected '}'")}

    await add_readers(db, 3)
    report = await run(db, ScriptedTransport(), render=broken)
    assert (report.sent, report.deferred) == (2, 1)
    assert report.problems[0].reason == "render: issue.html:3: unexpected '}'"


@pytest.mark.parametrize("status", ["unsubscribed", "paused", "pending", "suppressed"])
async def test_whoever_is_not_active_at_the_claim_gets_nothing(db: Database, status: str) -> None:
    await add_readers(db, 2)
    async with db.write() as conn:
        await conn.execute(update(subscribers).where(subscribers.c.id == 1).values(status=status))
    transport = ScriptedTransport()
    report = await run(db, transport)
    assert (report.sent, report.suppressed, report.ok) == (1, 1, True)
    assert transport.recipients == ["reader1@papers.dev"]
    assert await reserved(db) == 1


async def test_a_suppressed_address_gets_nothing(db: Database) -> None:
    await add_readers(db, 2)
    async with db.write() as conn:
        await suppress(conn, "Reader0@Papers.dev", "complaint", NOW)
        await suppress(conn, "reader0@papers.dev", "complaint", NOW)
        await conn.execute(update(subscribers).values(status="active"))
    assert (await run(db, ScriptedTransport())).suppressed == 1


async def test_an_unsubscribe_before_the_claim_always_wins(db: Database) -> None:
    """Readers leave one by one while claims take the rest: nobody who left first is claimed after."""
    await add_readers(db, 60)
    left: list[int] = []
    claimed: dict[int, int] = {}

    async def leave() -> None:
        for number in range(60, 0, -1):
            async with db.write() as conn:
                gone = update(subscribers).where(subscribers.c.id == number)
                await conn.execute(gone.values(status="unsubscribed"))
            left.append(number)

    async def claim() -> None:
        taken = 1
        while len(left) < 60 or taken:
            before = set(left)
            async with db.write() as conn:
                claim = await outbox.claim(conn, worker="w", now=NOW, limit=3)
            for delivery in claim.ready:
                assert delivery.subscriber_id not in before
            taken = len(claim)
            for delivery in claim.ready:
                claimed[delivery.id] = 1

    await asyncio.gather(leave(), claim())
    states = (await ledger(db)).values()
    assert sorted(states) == sorted(["claimed"] * len(claimed) + ["suppressed"] * (60 - len(claimed)))


@pytest.mark.parametrize("end", [NO, GREY, DOUBT, FULL, None])
async def test_a_reader_forgotten_while_mails_are_under_way_leaves_the_count_true(
    db: Database, end: Outcome | None
) -> None:
    await add_readers(db, 40)
    transport = ForgettingTransport(db, {"reader9@papers.dev": end} if end else {})
    report = await run(db, transport)
    assert (report.balanced, report.sent + report.pending, "reader9@papers.dev" in await ledger(db)) == (
        True,
        39,
        False,
    )


async def test_a_reader_forgotten_after_the_mail_was_counted_is_no_false_alarm(db: Database) -> None:
    await add_readers(db, 40)
    transport = ForgettingTransport(db, {}, at="reader39@papers.dev", concurrency=1)
    report = await run(db, transport)
    assert (report.balanced, report.sent, len(await ledger(db))) == (True, 40, 39)


@pytest.mark.parametrize(
    ("end", "later", "balanced"),
    [(None, "data", False), (None, "pending", False), (DOUBT, "pending", True), (DOUBT, "expired", True)],
)
async def test_a_run_is_balanced_unless_a_delivery_changes_that_has_ended(
    db: Database, end: Outcome | None, later: str, balanced: bool
) -> None:
    await add_readers(db, 40)
    reopen = update(deliveries).where(deliveries.c.email == "reader9@papers.dev").values(state=later)

    class Reopening(ScriptedTransport):
        async def send(self, envelope: Envelope) -> Outcome:
            if envelope.recipient == "reader39@papers.dev":
                async with db.write() as conn:
                    await conn.execute(reopen)
            return await super().send(envelope)

    report = await run(db, Reopening({"reader9@papers.dev": end} if end else {}, concurrency=1))
    assert report.balanced is balanced


class ForgettingTransport(ScriptedTransport):
    """Some mail is answered when the tenth reader was forgotten meanwhile."""

    def __init__(
        self,
        db: Database,
        script: dict[str, Outcome],
        at: str = "reader9@papers.dev",
        concurrency: int = 20,
    ) -> None:
        super().__init__(script, concurrency=concurrency)
        self.db, self.at = db, at

    async def send(self, envelope: Envelope) -> Outcome:
        if envelope.recipient == self.at:
            async with self.db.write() as conn:
                await erase(conn, "reader9@papers.dev", NOW)
        return await super().send(envelope)


async def test_two_workers_and_two_schedulers_send_one_mail_each(db: Database) -> None:
    await add_readers(db, 300)
    transports = [ScriptedTransport() for _ in range(4)]
    reports = await asyncio.gather(*(run(db, transport) for transport in transports))
    sent = [recipient for transport in transports for recipient in transport.recipients]
    assert sorted(sent) == sorted(f"reader{n}@papers.dev" for n in range(300))
    assert sum(report.sent for report in reports) == 300
    assert all(report.balanced for report in reports)


async def test_an_overdue_issue_expires_and_frees_its_papers(db: Database) -> None:
    await add_readers(db, 2)
    transport = ScriptedTransport()
    report = await run(db, transport, clock=lambda: NOW + timedelta(days=5))
    assert (report.expired, report.sent, transport.recipients) == (2, 0, [])
    assert await reserved(db) == 0


async def test_a_newer_issue_replaces_what_waits(db: Database) -> None:
    await add_readers(db, 3)
    await run(db, ScriptedTransport({f"reader{n}@papers.dev": GREY for n in (0, 1)}))
    async with db.write() as conn:
        ended = await outbox.replace_open(conn, [1], LATER)
    assert ended == [1]
    assert sorted((await ledger(db)).values()) == ["deferred", "expired", "sent"]
    assert await reserved(db) == 2


async def test_what_was_only_claimed_comes_back_when_the_lease_ends(db: Database) -> None:
    await add_readers(db, 2)
    async with db.write() as conn:
        await outbox.claim(conn, worker="dead", now=NOW, limit=1)
    early = await run(db, ScriptedTransport())
    late = await run(db, ScriptedTransport(), clock=lambda: NOW + timedelta(minutes=16))
    assert (early.sent, late.sent, late.uncertain) == (1, 1, 0)


async def die_in_data(db: Database, worker: str) -> None:
    async with db.write() as conn:
        claim = await outbox.claim(conn, worker=worker, now=NOW, limit=1)
        marks = [Mark(delivery, "<1@x>", b"raw") for delivery in claim.ready]
        assert await conn.run_sync(partial(mark, marks=marks, worker=worker))


async def test_doubt_is_answered_by_one_resend_of_the_same_message(db: Database) -> None:
    await add_readers(db, 1)
    await die_in_data(db, "dead")
    transport = ScriptedTransport({"reader0@papers.dev": DOUBT})
    late = {"clock": lambda: NOW + timedelta(minutes=16)}
    reports = [await run(db, transport, **late) for _ in range(3)]
    assert [report.uncertain for report in reports] == [1, 0, 0]
    assert transport.message_ids == [b"Message-ID: <1.digest@papers.dev>"]
    assert await ledger(db) == {"reader0@papers.dev": "uncertain"}


async def test_held_doubt_waits_for_the_operator(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport({"reader0@papers.dev": DOUBT}))
    held = await run(db, ScriptedTransport(), resend=False)
    assert (held.selected, await ledger(db)) == (0, {"reader0@papers.dev": "uncertain"})
    async with db.write() as conn:
        assert await recovery.resolve(conn, [1], resend=True, now=NOW) == 1
    assert (await run(db, ScriptedTransport(), resend=False)).sent == 1


async def test_dropped_doubt_keeps_its_papers_reserved(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport({"reader0@papers.dev": DOUBT}), resend=False)
    async with db.write() as conn:
        assert await recovery.resolve(conn, [1], resend=False, now=NOW) == 1
        assert await recovery.resolve(conn, [1], resend=False, now=NOW) == 0
    assert (await ledger(db), await reserved(db)) == ({"reader0@papers.dev": "expired"}, 1)


@pytest.mark.parametrize("end", [GREY, NO, UNKNOWN_USER])
async def test_papers_of_a_doubtful_issue_stay_reserved_however_its_resend_ends(
    db: Database, end: Outcome
) -> None:
    """The reader may have the first copy: neither a refusal nor a newer issue gives its papers again."""
    await add_readers(db, 1)
    await run(db, ScriptedTransport({"reader0@papers.dev": DOUBT}))
    await run(db, ScriptedTransport({"reader0@papers.dev": end}))
    async with db.write() as conn:
        assert await outbox.replace_open(conn, [1], LATER) == []
    assert await reserved(db) == 1


async def test_a_row_that_was_taken_over_is_not_sent_by_the_first_worker(db: Database) -> None:
    await add_readers(db, 1)
    async with db.write() as conn:
        claim = await outbox.claim(conn, worker="slow", now=NOW, limit=1)
        await recovery.recover(conn, NOW + timedelta(hours=1))
        marks = [Mark(claim.ready[0], "<1@x>", b"raw")]
        assert await conn.run_sync(partial(mark, marks=marks, worker="slow")) == set()


async def test_sent_wins_over_a_worker_that_took_the_row_over(db: Database) -> None:
    await add_readers(db, 1)
    await die_in_data(db, "slow")
    async with db.write() as conn:
        await recovery.recover(conn, NOW + timedelta(hours=1))
        claim = await outbox.claim(conn, worker="second", now=NOW + timedelta(hours=1), limit=1)
        accepted = claim.ready[0]._replace(state=DeliveryState.SENT, reply="2.0.0 Ok", settled_at=NOW)
        await conn.run_sync(partial(settle, settled=[accepted], worker="slow", now=NOW))
        marks = [Mark(claim.ready[0], "<1@x>", b"raw")]
        assert await conn.run_sync(partial(mark, marks=marks, worker="second")) == set()
        assert [row.worker for row in await conn.execute(select(deliveries))] == ["slow"]
    assert await ledger(db) == {"reader0@papers.dev": "sent"}


async def test_a_killed_process_of_this_machine_leaves_no_lease_behind(db: Database) -> None:
    place, _, _ = worker_name().rpartition(f":{worker_name().split(':')[-3]}:")
    await add_readers(db, 1)
    async with db.write() as conn:
        await outbox.claim(conn, worker=f"{place}:4194305:1:beef", now=NOW, limit=1)
    assert (await run(db, ScriptedTransport())).sent == 1


async def test_stopping_settles_what_is_in_flight_and_gives_back_the_rest(db: Database) -> None:
    stop = asyncio.Event()

    class Stopping(ScriptedTransport):
        async def send(self, envelope: object) -> Outcome:
            stop.set()
            await asyncio.sleep(0.01)
            return Outcome(verdict=Verdict.ACCEPTED, stage="dot", reply="ok")

    await add_readers(db, 300)
    report = await run(db, Stopping(), stop=stop)
    assert (report.selected, report.balanced) == (300, True)
    assert 0 < report.sent < 60
    assert set((await ledger(db)).values()) == {"sent", "pending"}


async def test_claims_read_the_index_of_due_deliveries(sqlite: Database) -> None:
    await add_readers(sqlite, 1)
    async with sqlite.read() as conn:
        query = "EXPLAIN QUERY PLAN SELECT id FROM deliveries WHERE "
        plan = await conn.execute(text(f"{query}{outbox.OPEN.text} AND due_at <= :now"), {"now": "2026"})
        assert "ix_deliveries_due" in str(plan.all())


async def test_the_ledger_keeps_message_id_hash_and_reply(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    async with db.read() as conn:
        row = (await conn.execute(select(deliveries))).one()
    assert (row.message_id, row.reply, row.attempts) == ("<1.digest@papers.dev>", "2.0.0 Ok", 1)
    assert len(row.body_hash) == 64
