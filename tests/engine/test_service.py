"""The service of one process: first the papers, then the issues, then the mails; and an orderly end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from digest.config import Roster, Settings
from digest.deliver.transport import Envelope
from digest.engine.jobs import Step
from digest.engine.service import Service
from digest.errors import ConfigError, StorageError
from digest.models import Outcome, Source, SourceKind
from digest.pipeline.faults import ROSTER
from digest.pipeline.sending import Way
from digest.storage import facts, passes
from digest.storage.database import Database
from digest.storage.tables import deliveries
from tests.deliver.scene import ScriptedTransport, add_readers, ledger, render
from tests.make import NOW
from tests.pipeline.steps import issue_of, subscribe

EXAMPLE = Source(name="example:arxiv", family="arxiv", kind=SourceKind.EXAMPLE, url="arxiv", open=True)
QUICK = {Step.INGEST: 60.0, Step.DUE: 0.05, Step.DELIVER: 0.05, Step.CLEAN_UP: 60.0, Step.BOUNCES: 60.0}


class StuckTransport(ScriptedTransport):
    """Takes messages and never answers, like a server that hangs after the final dot."""

    async def send(self, envelope: Envelope) -> Outcome:
        self.recipients.append(envelope.recipient)
        await asyncio.Event().wait()
        raise AssertionError


@dataclass
class Tools:
    """What the steps work with."""

    db: Database
    transport: ScriptedTransport = field(default_factory=ScriptedTransport)
    sources: tuple[Source, ...] = (EXAMPLE,)
    now: datetime = NOW
    broken: bool = False

    @property
    def settings(self) -> Settings:
        return Settings()

    @property
    def clock(self) -> Callable[[], datetime]:
        return lambda: self.now

    def roster(self) -> Roster:
        if self.broken:
            raise ConfigError("subscribers.yaml: line 3: what is this?")
        return Roster(sources=self.sources, listed=())

    def way(self) -> Way:
        return Way(
            transport=lambda: self.transport,
            render=lambda: render,
            return_path=lambda _: "bounces@papers.dev",
            leaves=True,
        )


@asynccontextmanager
async def serving(tools: Tools, **options: float) -> AsyncIterator[Service]:
    service, stop = Service(tools, intervals=QUICK), asyncio.Event()
    task = asyncio.create_task(service.run(stop, **options))
    yield service
    stop.set()
    await asyncio.wait_for(task, 20)


async def until(truth: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not truth():
            await asyncio.sleep(0.02)


async def test_reader_gets_a_mail_without_anybody_doing_anything(db: Database) -> None:
    await subscribe(db, cut=1.0)
    tools = Tools(db)
    async with serving(tools):
        await until(lambda: bool(tools.transport.recipients))
    assert await ledger(db) == {"reader1@papers.dev": "sent"}


async def test_after_an_outage_papers_come_before_issues(db: Database) -> None:
    async with db.write() as conn:
        old = await passes.start(conn, NOW - timedelta(days=3))
        await passes.commit(conn, old, NOW - timedelta(days=3), {"papers": 1, "sources": []})
    reader = await subscribe(db, cut=1.0)
    tools = Tools(db)
    async with serving(tools):
        await until(lambda: bool(tools.transport.recipients))
    issue = await issue_of(db, reader)
    assert issue
    assert issue.considered > 100


async def test_broken_file_keeps_the_last_good_one(db: Database) -> None:
    tools = Tools(db)
    async with serving(tools) as service:
        await until(lambda: service.lanes()[Step.INGEST].seconds is not None)
        tools.broken = True
        service.engine.ask(_ingest())
        await until(lambda: _runs(service, "ingest", "done") == 2)
        assert service.lanes()[Step.INGEST].error is None
        async with db.read() as conn:
            assert "subscribers.yaml" in await facts.fact(conn, ROSTER)
        tools.broken = False
        service.engine.ask(_ingest())
        await until(lambda: _runs(service, "ingest", "done") == 3)
    async with db.read() as conn:
        assert await facts.fact(conn, ROSTER) is None


async def test_two_services_on_one_database_send_once(db: Database) -> None:
    for number in range(1, 31):
        await subscribe(db, number, cut=1.0)
    one, other = Tools(db), Tools(db)
    async with serving(one), serving(other):
        await until(lambda: len(one.transport.recipients) + len(other.transport.recipients) >= 30)
        await asyncio.sleep(0.3)
    sent = one.transport.recipients + other.transport.recipients
    assert sorted(sent) == sorted(f"reader{number}@papers.dev" for number in range(1, 31))


async def test_stop_drains_what_is_in_flight(db: Database) -> None:
    await add_readers(db, 5)

    class SlowTransport(ScriptedTransport):
        async def send(self, envelope: Envelope) -> Outcome:
            await asyncio.sleep(0.3)
            return await super().send(envelope)

    tools = Tools(db, transport=SlowTransport(concurrency=2))
    async with serving(tools):
        await until(lambda: True)
        await asyncio.sleep(0.3)
    states = set((await ledger(db)).values())
    assert states <= {"sent", "pending"}


async def test_what_hangs_at_the_end_is_uncertain_and_the_rest_is_free(db: Database) -> None:
    await add_readers(db, 3)
    tools = Tools(db, transport=StuckTransport(concurrency=1))
    async with serving(tools, drain_seconds=0.2):
        await until(lambda: bool(tools.transport.recipients))
    states = sorted((await ledger(db)).values())
    assert set(states) <= {"uncertain", "pending"}
    assert "uncertain" in states


async def test_a_renewal_that_fails_is_tried_again_and_harms_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    async def renew(*_: object) -> None:
        tries.append(1)
        raise StorageError("digest.db: another process holds the database")

    monkeypatch.setattr("digest.pipeline.sending.RENEW_SECONDS", 0.02)
    monkeypatch.setattr("digest.storage.leases.renew_deliveries", renew)
    await add_readers(db, 1)
    tools = Tools(db, transport=StuckTransport(concurrency=1))
    async with serving(tools, drain_seconds=0.2):
        await until(lambda: bool(tools.transport.recipients) and len(tries) > 2)
    assert await ledger(db) == {"reader0@papers.dev": "uncertain"}


async def test_lease_is_renewed_while_a_message_hangs(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.pipeline.sending.RENEW_SECONDS", 0.05)
    await add_readers(db, 1)
    tools = Tools(db, transport=StuckTransport(concurrency=1))
    async with serving(tools, drain_seconds=0.2):
        await until(lambda: bool(tools.transport.recipients))
        async with db.write() as conn:
            await conn.execute(update(deliveries).values(leased_until=NOW))
        until_at, end = NOW, time.monotonic() + 10
        while until_at == NOW and time.monotonic() < end:  # a busy machine renews late
            await asyncio.sleep(0.05)
            async with db.read() as conn:
                until_at = await conn.scalar(select(deliveries.c.leased_until))
    assert until_at > NOW + timedelta(minutes=10)


def _ingest():
    from digest.engine.jobs import Job

    return Job(step=Step.INGEST)


def _runs(service: Service, step: str, outcome: str) -> float:
    labels = {"step": step, "outcome": outcome}
    return service.metrics.registry.get_sample_value("digest_step_runs_total", labels) or 0.0
