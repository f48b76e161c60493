"""When: interval ticks of APScheduler, which only submit jobs. Never a job for each subscriber.

The due time of every reader is a column with an index; a tick asks for those that have passed. So a tick that
is late, doubled or lost delays an issue by one interval and does nothing else.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from digest.engine.jobs import Engine, Job, Step

#: Seconds between two ticks of a step.
INTERVALS: Mapping[Step, float] = {
    Step.INGEST: 20 * 60,
    Step.DUE: 30,
    Step.DELIVER: 15,
    Step.BOUNCES: 60,
    Step.CLEAN_UP: 60 * 60,
}


class Ticks:
    """Submits a job of each step to an engine, at once and then at its interval."""

    def __init__(self, engine: Engine, intervals: Mapping[Step, float] = INTERVALS) -> None:
        """Take the engine and the seconds between ticks; nothing runs yet."""
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        for step, seconds in intervals.items():
            self._scheduler.add_job(
                engine.submit,
                IntervalTrigger(seconds=seconds, timezone=UTC),
                args=[[Job(step=step)]],
                id=step.value,
                next_run_time=datetime.now(UTC),
                coalesce=True,  # ticks missed while the machine slept are one
                misfire_grace_time=None,  # and none is too late
                max_instances=1,
            )

    def start(self) -> None:
        """Tick from now on, on the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Tick no more."""
        self._scheduler.shutdown(wait=False)

    def next_at(self) -> dict[str, datetime]:
        """When each step ticks next, by the machine's clock."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time}
