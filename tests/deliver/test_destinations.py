"""Domains that refuse everything wait alone; servers that take fewer connections are remembered."""

from datetime import timedelta

import pytest
from sqlalchemy import case, select, update

from digest.deliver.relay import parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.models import Outcome, Verdict
from digest.pipeline.destinations import IN_A_ROW, Destinations
from digest.storage.database import Database
from digest.storage.relays import Pause
from digest.storage.tables import deliveries, subscribers
from tests.deliver.scene import LATER, ScriptedTransport, add_readers, ledger, run
from tests.deliver.server import ScriptedServer
from tests.make import NOW

NO = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=550, enhanced="5.7.1", reply="5.7.1 No")
SLOWLY = Outcome(verdict=Verdict.DEFERRED, stage="rcpt", code=450, enhanced="4.7.0", reply="4.7.0 Too many")
YES = Outcome(verdict=Verdict.ACCEPTED, stage="dot", reply="2.0.0 Ok")
READERS = [f"reader{n}@papers.dev" for n in range(400)]
PAUSED = {"papers.dev": Pause(LATER, 1, "it said so")}


async def move_readers(db: Database, *, every: int, domain: str) -> None:
    """Every so manyth reader lives elsewhere."""
    async with db.write() as conn:
        elsewhere = case((deliveries.c.id % every == 0, f"elsewhere@{domain}"), else_=deliveries.c.email)
        await conn.execute(update(deliveries).values(email=elsewhere))


@pytest.mark.parametrize("words", [NO, SLOWLY])
async def test_a_domain_that_refuses_everything_waits_alone(db: Database, words: Outcome) -> None:
    await add_readers(db, 400)
    await move_readers(db, every=4, domain="other.dev")
    transport = ScriptedTransport(dict.fromkeys(READERS, words))
    report = await run(db, transport)
    assert (report.sent, report.paused, report.balanced) == (100, "", True)
    assert transport.recipients.count("elsewhere@other.dev") == 100
    assert len(transport.recipients) < 250
    assert any("papers.dev refused 10 mails in a row" in problem.reason for problem in report.problems)


async def test_a_pause_of_a_domain_outlives_the_run_and_ends(db: Database) -> None:
    await add_readers(db, 100)
    await run(db, ScriptedTransport(dict.fromkeys(READERS, SLOWLY)))
    soon = ScriptedTransport()
    await add_readers(db, 5, start=100)
    await run(db, soon, clock=lambda: NOW + timedelta(minutes=10))
    late = ScriptedTransport()
    await run(db, late, clock=lambda: LATER)
    assert (soon.recipients, len(late.recipients)) == ([], 105)
    assert set((await ledger(db)).values()) == {"sent"}


async def test_refusals_by_several_domains_stop_the_run(db: Database) -> None:
    await add_readers(db, 300)
    await move_readers(db, every=2, domain="other.dev")
    script = dict.fromkeys([*READERS, "elsewhere@other.dev"], NO)
    report = await run(db, ScriptedTransport(script))
    assert "10 refusals in a row" in report.paused
    assert (report.balanced, report.failed < 100, report.failed + report.pending) == (True, True, 300)


def test_a_taken_mail_ends_the_row_and_the_pause() -> None:
    destinations = Destinations(PAUSED, NOW)
    for outcome in [*[NO] * (IN_A_ROW - 1), YES, *[NO] * (IN_A_ROW - 1)]:
        assert destinations.note("ada@papers.dev", outcome) is None
    assert (destinations.refused, destinations.taken) == ({}, {"papers.dev"})


@pytest.mark.parametrize(("hours", "waits"), [(0, "it said so"), (48, None)])
def test_a_domain_waits_until_its_time(hours: int, waits: str | None) -> None:
    destinations = Destinations(PAUSED, NOW + timedelta(hours=hours))
    assert destinations.waits("Ada@Papers.dev") == waits
    assert destinations.waits("ada@other.dev") is None


async def test_fewer_connections_are_remembered_for_a_day(db: Database) -> None:
    await add_readers(db, 30)
    allowed = []
    async with ScriptedServer(most_sessions=2).running() as server:
        for days in (0.0, 0.5, 2.0):
            await add_readers(db, 30, start=30 + int(days * 60))
            transport = SmtpTransport(parse_relay(server.url), connections=8)
            before = transport.allowed
            report = await run(db, transport, clock=lambda days=days: NOW + timedelta(days=days))
            await transport.close()
            allowed.append((before, transport.allowed, report.pending + report.deferred))
            server.most_sessions = 100
    assert allowed == [(8, 2, 0), (8, 2, 0), (8, 8, 0)]


NOBODY = Outcome(
    verdict=Verdict.REFUSED, stage="rcpt", code=550, enhanced="5.1.1", reply="5.1.1 Unknown here"
)


@pytest.mark.parametrize("every", [1000, 2])
async def test_a_relay_that_knows_nobody_stops_no_reader(db: Database, every: int) -> None:
    await add_readers(db, 300)
    await move_readers(db, every=every, domain="other.dev")
    report = await run(db, ScriptedTransport(dict.fromkeys([*READERS, "elsewhere@other.dev"], NOBODY)))
    async with db.read() as conn:
        assert set(await conn.scalars(select(subscribers.c.status))) == {"active"}
    assert (report.balanced, report.failed < 100) == (True, True)
