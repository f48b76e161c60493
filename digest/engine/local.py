"""The engine inside one process: a lane for each step, one job at a time in it. Keeps nothing on disk."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from digest.engine.jobs import Handler, Job, Step
from digest.engine.metrics import Metrics
from digest.engine.running import Lane, run_job


class LocalEngine:
    """Runs the handlers it was given; steps run beside each other, the jobs of one step in turn."""

    def __init__(
        self, handlers: Mapping[Step, Handler], *, metrics: Metrics, clock: Callable[[], datetime]
    ) -> None:
        """`clock` dates the runs for people; nothing depends on it."""
        self.lanes = {step: Lane() for step in handlers}
        self._handlers = dict(handlers)
        self._metrics = metrics
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    async def submit(self, jobs: Sequence[Job], *, conn: Any = None) -> int:
        """Add jobs; one whose like is waiting already is dropped, and so is one without a handler."""
        return sum(self.ask(job) for job in jobs)

    def ask(self, job: Job) -> bool:
        """Add one job at once; True if it was new."""
        lane = self.lanes.get(job.step)
        if lane is None or job.key in lane.waiting:
            return False
        lane.waiting[job.key] = job
        lane.wanted.set()
        return True

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set; each lane ends its job first, as early as its handler allows."""
        self._tasks = [asyncio.create_task(self._run_lane(lane, stop)) for lane in self.lanes.values()]
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cancel(self) -> None:
        """End every lane where it is; for what did not end when `stop` was set."""
        for task in self._tasks:
            task.cancel()

    async def _run_lane(self, lane: Lane, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                wanted = asyncio.create_task(lane.wanted.wait())
                await asyncio.wait({stopped, wanted}, return_when=asyncio.FIRST_COMPLETED)
                wanted.cancel()
                while lane.waiting and not stop.is_set():
                    await self._run_next(lane, stop)
                lane.wanted.clear()
        finally:
            stopped.cancel()

    async def _run_next(self, lane: Lane, stop: asyncio.Event) -> None:
        job = lane.waiting.pop(next(iter(lane.waiting)))
        handler = self._handlers[job.step]
        await run_job(lane, handler, job, stop, metrics=self._metrics, clock=self._clock)
