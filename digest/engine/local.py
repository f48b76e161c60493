"""The engine inside one process: a lane for each step, one job at a time in it. Keeps nothing on disk."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from digest.engine.jobs import Handler, Job, Step
from digest.engine.metrics import Metrics
from digest.errors import BusyError, DigestError

log = structlog.get_logger("digest.engine")


@dataclass(slots=True)
class Lane:
    """The jobs of one step, and how its last run went."""

    waiting: dict[str, Job] = field(default_factory=dict)
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: datetime | None = None
    seconds: float | None = None  # the last run took so long; None: none has ended
    error: str | None = None  # of the last run


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
                    await self._run_job(lane, lane.waiting.pop(next(iter(lane.waiting))), stop)
                lane.wanted.clear()
        finally:
            stopped.cancel()

    async def _run_job(self, lane: Lane, job: Job, stop: asyncio.Event) -> None:
        """One job; its error is told and ends nothing, for the next tick tries again."""
        lane.started_at, began, outcome = self._clock(), time.monotonic(), "done"
        with structlog.contextvars.bound_contextvars(step=job.step.value):
            try:
                await self._handlers[job.step](job, stop)
                lane.error = None
            except BusyError as error:
                outcome, lane.error = "busy", str(error)
                log.debug("step.busy", reason=str(error))
            except DigestError as error:
                tell = log.info if lane.error == str(error) else log.error  # the same fault is told once
                tell("step.failed", reason=str(error))
                outcome, lane.error = "failed", str(error)
            except Exception as error:
                outcome, lane.error = "failed", f"unexpected {type(error).__name__}: {error}"
                log.exception("step.broken")
        lane.seconds = time.monotonic() - began
        self._metrics.count_step(job.step.value, outcome, lane.seconds)
