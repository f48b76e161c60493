"""What the jobs of a worker do: the steps of `steps`, with what is due handed out in batches.

due ─claim + defer, one transaction→ due(ids), due(ids), … ─same step→ issues ─→ deliver, deliver(lane), …
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.engine.distributed import DistributedEngine
from digest.engine.jobs import Handler, Job, Step
from digest.engine.steps import Steps
from digest.errors import StorageError
from digest.pipeline import epoch
from digest.pipeline.compose import claim_batches, compose_claimed
from digest.pipeline.window import Readings
from digest.storage import accounting

#: Deliveries that are worth one more worker, and how many may drain the outbox beside each other.
ENOUGH, LANES = 1_000, 32

log = structlog.get_logger("digest.engine")


class DistributedSteps(Steps):
    """The handlers of one worker; the windows that its batches rank are opened once."""

    def __init__(self, *args: Any, engine: DistributedEngine, **options: Any) -> None:
        """As `Steps`; `engine` takes the batches."""
        super().__init__(*args, ask=lambda step: engine.ask(Job(step=step)), **options)
        self._engine = engine
        self._readings = Readings()

    def handlers(self) -> Mapping[Step, Handler]:
        """A batch is never cut short: its claim would only have to run out."""
        return {**super().handlers(), Step.DUE: self._due_or_batch, Step.DELIVER: self._deliver_in_lanes}

    async def _due_or_batch(self, job: Job, _stop: asyncio.Event) -> None:
        if job.args:
            await self._batch(job.args["ids"], timedelta(seconds=job.args["spread"]))
        else:
            await self._claim()

    async def _claim(self) -> None:
        tools = self._tools
        if not await self._is_current() or not await self._looks_whole():
            return
        if tools.way().leaves:
            await epoch.check(tools.db, tools.clock())
        claimed = await claim_batches(tools.db, self.defer, clock=tools.clock, patience=self._patience())
        if claimed:
            log.info("due.claimed", number=claimed)

    async def defer(self, conn: AsyncConnection, batches: Sequence[Sequence[int]], spread: timedelta) -> None:
        """Make jobs of batches, in the caller's transaction."""
        seconds = spread.total_seconds()
        jobs = [Job(step=Step.DUE, args={"ids": list(ids), "spread": seconds}) for ids in batches]
        await self._engine.submit(jobs, conn=conn)

    async def _batch(self, ids: Sequence[int], spread: timedelta) -> None:
        try:
            report = await compose_claimed(
                self._tools.db,
                ids,
                clock=self._tools.clock,
                patience=self._patience(),
                spread=spread,
                readings=self._readings,
            )
        except StorageError:
            raise
        except Exception:
            if len(ids) == 1:
                raise
            log.exception("batch.split", number=len(ids))
            await self._split(ids, spread)
            return
        self._count(report)

    async def _split(self, ids: Sequence[int], spread: timedelta) -> None:
        """One reader whose issue cannot be made stops nobody else: halves, until it is alone."""
        middle = len(ids) // 2
        async with self._tools.db.write() as conn:
            await self.defer(conn, [ids[:middle], ids[middle:]], spread)

    async def _deliver_in_lanes(self, job: Job, stop: asyncio.Event) -> None:
        """The first run of delivery calls others to help, as many as the outbox is worth."""
        if not job.args:
            async with self._tools.db.read() as conn:
                waiting = await accounting.count_open(conn, self._tools.clock(), ENOUGH * LANES)
            helpers = [
                Job(step=Step.DELIVER, key=f"lane {number}", args={"lane": number})
                for number in range(1, waiting // ENOUGH)
            ]
            await self._engine.submit(helpers)
        await self._deliver(job, stop)
