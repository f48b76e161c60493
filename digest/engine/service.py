"""Steps, engine and ticks of one process, from the start to an orderly end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog

from digest.engine.jobs import Job, Step
from digest.engine.local import LocalEngine
from digest.engine.metrics import Metrics
from digest.engine.running import Lane
from digest.engine.steps import Steps, Tools
from digest.engine.ticks import INTERVALS, Ticks
from digest.storage.recovery import recover

#: After a stop, what hangs in a conversation with a server gets so long.
DRAIN_SECONDS = 30.0

log = structlog.get_logger("digest.engine")


class Service:
    """Everything that runs by itself; `run` it once."""

    def __init__(
        self,
        tools: Tools,
        *,
        intervals: Mapping[Step, float] = INTERVALS,
        ingest_every: timedelta | None = None,
        bounces: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`ingest_every`: the interval of ingestion by the tools' clock, if that has another pace."""
        self.metrics = Metrics()
        self._tools = tools
        self._steps = Steps(
            tools,
            self.metrics,
            ask=lambda step: self.engine.ask(Job(step=step)),
            ingest_every=ingest_every or timedelta(seconds=intervals[Step.INGEST]),
            bounces=bounces,
        )
        self.engine = LocalEngine(self._steps.handlers(), metrics=self.metrics, clock=tools.clock)
        self._ticks = Ticks(self.engine, {step: intervals[step] for step in self.engine.lanes})
        self._running = False

    def wake(self) -> None:
        """There is a letter to send or a first issue to compose: now, not at the next tick."""
        self.engine.ask(Job(step=Step.DELIVER))
        self.engine.ask(Job(step=Step.DUE))

    def faults(self) -> list[str]:
        """What keeps this process from being ready."""
        return [] if self._running else ["the scheduler does not run"]

    def lanes(self) -> Mapping[Step, Lane]:
        """How the steps went, for the operator."""
        return self.engine.lanes

    def next_ticks(self) -> dict[str, datetime]:
        """When each step comes next, by the machine's clock."""
        return self._ticks.next_at() if self._running else {}

    async def run(
        self,
        stop: asyncio.Event,
        *,
        hurry: asyncio.Event | None = None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        """Tick until `stop`, then claim nothing more and settle what is in flight.

        What hangs longer than `drain_seconds`, or until `hurry`, is left to the ledger as uncertain.
        """
        self._ticks.start()
        self._running = True
        engine = asyncio.create_task(self.engine.run(stop))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({engine, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._running = False
            self._ticks.stop()
            stopped.cancel()
        stop.set()
        waits = {engine, *([asyncio.create_task(hurry.wait())] if hurry else [])}
        await asyncio.wait(waits, timeout=drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waits - {engine}:
            task.cancel()
        if engine.done():
            await engine
        else:
            await self._abandon(engine)

    async def _abandon(self, engine: asyncio.Task[None]) -> None:
        """Write down what nobody knows, then end the tasks that wait for a server."""
        async with self._tools.db.write() as conn:
            left = await recover(conn, self._tools.clock(), dead=self._steps.sending, resend=False)
        log.warning("serve.abandoned", uncertain=left.doubtful, freed=left.freed)
        for _ in range(2):  # a run of delivery answers the first by draining, the second by ending
            self.engine.cancel()
            await asyncio.sleep(0.1)
        await asyncio.wait({engine}, timeout=10)
