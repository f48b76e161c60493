"""Past one machine, what `digest serve` runs beside its pages: ticks that submit jobs for the workers.

Has the face of `service.Service`; any number of tickers over one database are harmless.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from procrastinate.exceptions import ConnectorException

from digest.engine.distributed import DistributedEngine
from digest.engine.jobs import Job, Step
from digest.engine.metrics import Metrics
from digest.engine.running import Lane
from digest.engine.steps import Tools
from digest.engine.ticks import INTERVALS, Ticks

log = structlog.get_logger("digest.engine")


class Ticker:
    """Submits a job of each step at its interval; runs none."""

    def __init__(
        self, tools: Tools, *, intervals: Mapping[Step, float] = INTERVALS, bounces: bool = False
    ) -> None:
        """`bounces`: there is a bounce mailbox to be read."""
        self.metrics = Metrics()
        self.engine = DistributedEngine(tools.settings.database_url, metrics=self.metrics, clock=tools.clock)
        self._clock = tools.clock
        self._lanes = {step: Lane() for step in intervals if bounces or step is not Step.BOUNCES}
        self._ticks = Ticks(self, {step: intervals[step] for step in self._lanes})
        self._running = False

    async def submit(self, jobs: Sequence[Job], *, conn: Any = None) -> int:
        """Pass jobs on, and note when, for the operator; without a database the next tick tries again."""
        try:
            new = await self.engine.submit(jobs, conn=conn)
        except ConnectorException as error:
            for job in jobs:
                self._tell(self._lanes[job.step], str(error.__cause__ or error).splitlines()[0])
            return 0
        for job in jobs:
            self._lanes[job.step].started_at, self._lanes[job.step].error = self._clock(), None
        return new

    def _tell(self, lane: Lane, reason: str) -> None:
        tell = log.debug if lane.error else log.error  # a server that is away is told once
        tell("tick.failed", reason=reason)
        lane.error = reason

    def wake(self) -> None:
        """There is a letter to send or a first issue to compose: now, not at the next tick."""
        if self._running:
            self.engine.ask(Job(step=Step.DELIVER))
            self.engine.ask(Job(step=Step.DUE))

    def faults(self) -> list[str]:
        """What keeps this process from being ready."""
        return [] if self._running else ["the scheduler does not run"]

    def lanes(self) -> Mapping[Step, Lane]:
        """When each step was last asked for."""
        return self._lanes

    def next_ticks(self) -> dict[str, datetime]:
        """When each step comes next, by the machine's clock."""
        return self._ticks.next_at() if self._running else {}

    async def run(self, stop: asyncio.Event, *, hurry: asyncio.Event | None = None) -> None:
        """Tick until `stop`. Nothing is in flight here, so there is nothing to hurry."""
        async with self.engine:
            self._ticks.start()
            self._running = True
            try:
                await stop.wait()
            finally:
                self._running = False
                self._ticks.stop()
