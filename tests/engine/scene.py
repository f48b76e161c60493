"""A scene for the distributed engine: tools over a PostgreSQL, workers in this process, a quick transport."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from digest.config import Roster, Settings
from digest.engine.distributed import DistributedEngine
from digest.engine.distributed_steps import DistributedSteps
from digest.engine.metrics import Metrics
from digest.pipeline.compose import claim_batches
from digest.pipeline.sending import Way
from digest.storage import subscribers
from digest.storage.database import Database
from digest.storage.tables import deliveries, issues
from tests.deliver.scene import ScriptedTransport, render
from tests.make import NOW, make_paper, make_subscriber, make_topic
from tests.pipeline.steps import announce


@dataclass
class Scene:
    """What the steps work with; satisfies `Tools`."""

    db: Database
    transport: ScriptedTransport = field(default_factory=ScriptedTransport)
    now: datetime = NOW

    @property
    def settings(self) -> Settings:
        return Settings(database_url=self.db.url, late_hours=0)

    @property
    def clock(self) -> Callable[[], datetime]:
        return lambda: self.now

    def roster(self) -> Roster:
        raise AssertionError("nobody ingests here")

    def way(self) -> Way:
        return Way(
            transport=lambda: self.transport,
            render=lambda: render,
            return_path=lambda _: "bounces@papers.dev",
            leaves=False,
        )

    def engine(self, **options: Any) -> DistributedEngine:
        return DistributedEngine(self.db.url, metrics=Metrics(), clock=self.clock, **options)


@asynccontextmanager
async def worker(scene: Scene, **options: Any) -> AsyncIterator[DistributedEngine]:
    """One `digest worker` for the time of the block."""
    stop = asyncio.Event()
    async with scene.engine(**options) as engine:
        steps = DistributedSteps(scene, Metrics(), engine=engine, ingest_every=timedelta(days=1))
        engine.handle(steps.handlers(), stop)
        running = asyncio.create_task(engine.run(stop))
        try:
            yield engine
        finally:
            stop.set()
            await asyncio.wait_for(running, 40)


async def fill(db: Database, readers: int, **fields: Any) -> None:
    """Papers of one pass, and readers who are due."""
    await announce(db, *(make_paper(n, abstract=f"language models number {n}") for n in range(1, 6)))
    async with db.write() as conn:
        for number in range(1, readers + 1):
            topics = (make_topic(f"language models {number % 7}"),)
            wished = {"next_issue_at": NOW, "cut": 0.0, "topics": topics} | fields
            await subscribers.add(conn, make_subscriber(number, **wished), now=NOW)
        await conn.execute(text("""UPDATE passes SET summary = '{"papers": 5}'"""))


async def claim(scene: Scene, engine: DistributedEngine) -> int:
    """What a tick does: claim and defer."""
    steps = DistributedSteps(scene, Metrics(), engine=engine, ingest_every=timedelta(days=1))
    return await claim_batches(scene.db, steps.defer, clock=scene.clock, patience=timedelta())


async def count_jobs(db: Database, where: str = "true") -> int:
    async with db.read() as conn:
        return int(await conn.scalar(text(f"SELECT count(*) FROM procrastinate_jobs WHERE {where}")) or 0)


async def count(db: Database, table: Any = issues) -> int:
    async with db.read() as conn:
        return int(await conn.scalar(select(func.count()).select_from(table)) or 0)


async def count_sent(db: Database) -> int:
    async with db.read() as conn:
        sent = select(func.count()).where(deliveries.c.state == "sent")
        return int(await conn.scalar(sent) or 0)


async def until(truth: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not await truth():
            await asyncio.sleep(0.05)
