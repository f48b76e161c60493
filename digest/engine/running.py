"""One job, run and counted: what every engine does with a handler. An error is told and ends nothing."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from digest.engine import memory
from digest.engine.jobs import Handler, Job
from digest.engine.metrics import Metrics
from digest.errors import BusyError, DigestError

#: A job that took so long has built indexes or read feeds, and left free memory behind.
LONG_SECONDS = 1.0

log = structlog.get_logger("digest.engine")


@dataclass(slots=True)
class Lane:
    """The jobs of one step, and how its last run went."""

    waiting: dict[str, Job] = field(default_factory=dict)
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: datetime | None = None
    seconds: float | None = None  # the last run took so long; None: none has ended
    error: str | None = None  # of the last run


async def run_job(
    lane: Lane,
    handler: Handler,
    job: Job,
    stop: asyncio.Event,
    *,
    metrics: Metrics,
    clock: Callable[[], datetime],
) -> bool:
    """One job; True if it did what it should. Its error is told, and the next tick tries again."""
    lane.started_at, began, outcome = clock(), time.monotonic(), "done"
    with structlog.contextvars.bound_contextvars(step=job.step.value):
        try:
            await handler(job, stop)
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
    if lane.seconds > LONG_SECONDS:
        await asyncio.to_thread(memory.give_back)
    metrics.count_step(job.step.value, outcome, lane.seconds)
    return outcome != "failed"
