"""The engine past one machine: procrastinate on PostgreSQL. Keeps jobs in the database, decides nothing.

    any tick ─submit→ procrastinate_jobs ─fetch, SKIP LOCKED→ any worker ─handler→ the same step functions

Jobs carry ids, never work that exists nowhere else: a job that is lost, doubled or run twice changes nothing.
No job has a procrastinate `lock`: a worker that dies with one would block its step until it is rescued; the
steps that must not run beside themselves hold a lease of ours.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import structlog
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy, exceptions
from procrastinate.jobs import Status
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.engine.jobs import Handler, Job, Step
from digest.engine.metrics import Metrics
from digest.engine.running import Lane, run_job
from digest.errors import StorageError

#: The queue of each step; a worker serves all queues, or those that it is told.
QUEUES: Mapping[Step, str] = {
    Step.INGEST: "ingest",
    Step.BOUNCES: "ingest",
    Step.CLEAN_UP: "ingest",
    Step.DUE: "compose",
    Step.DELIVER: "deliver",
}

#: Connections of the queue in one process: fetching, finishing, listening. The steps have their own.
CONNECTIONS = 4

#: A tick gives up after this without a connection; the next one tries again.
CONNECT_SECONDS = 10.0

#: Heartbeats, and the silence after which a worker counts as dead. Nothing blocks the event loop so long.
HEARTBEAT_SECONDS, STALLED_SECONDS, RESCUE_SECONDS = 5.0, 30.0, 10.0

#: Notifications tell of new jobs at once; one that was missed costs so long.
POLL_SECONDS = 1.0

#: A batch that failed is tried again after so many seconds, so often; then its claims run out.
AGAIN_SECONDS, TRIES = 5, 5

#: After a stop, running jobs get so long to end; deliveries settle what is in flight first.
DRAIN_SECONDS = 30.0

log = structlog.get_logger("digest.engine")


class FailedJobError(Exception):
    """A job failed and was told; procrastinate tries it again."""


class DistributedEngine:
    """Submits jobs to the database, and runs them if it has handlers. Open it: `async with`."""

    def __init__(
        self,
        url: str,
        *,
        metrics: Metrics,
        clock: Callable[[], datetime],
        queues: Collection[str] | None = None,
        concurrency: int = 1,
    ) -> None:
        """`queues` and `concurrency` are of `run`: which jobs it takes, how many at a time."""
        conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.app = App(
            connector=PsycopgConnector(
                conninfo=conninfo, min_size=1, max_size=CONNECTIONS, timeout=CONNECT_SECONDS
            )
        )
        self.lanes = {step: Lane() for step in Step}
        self._metrics = metrics
        self._clock = clock
        self._queues = list(queues or dict.fromkeys(QUEUES.values()))
        self._concurrency = concurrency
        self._asked: set[asyncio.Task[int]] = set()

    async def __aenter__(self) -> Self:
        """Connect. Raises StorageError if the server does not answer."""
        try:
            await self.app.open_async()
        except Exception as error:
            raise StorageError(f"the queue's database does not answer ({error})") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Submit what was asked, then disconnect."""
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self.app.close_async()

    async def submit(self, jobs: Sequence[Job], *, conn: AsyncConnection | None = None) -> int:
        """Add jobs, in the caller's transaction if there is one; gives how many were new.

        Jobs of one step and key are one while the first waits; jobs with arguments and no key are always new.
        """
        connection = (await conn.get_raw_connection()).driver_connection if conn else None
        new = 0
        for job in (job for job in jobs if _is_unique(job)):
            new += await self._submit_once(job, connection)
        for step in Step:
            wanted = [dict(job.args) for job in jobs if job.step is step and not _is_unique(job)]
            if wanted:
                await self._deferrer(step, connection=connection).batch_defer_async(*wanted)
            new += len(wanted)
        return new

    def ask(self, job: Job) -> None:
        """Submit one job soon, from code that cannot wait; if that fails, the next tick does it."""
        task = asyncio.create_task(self.submit([job]))
        self._asked.add(task)
        task.add_done_callback(self._forget)

    def handle(self, handlers: Mapping[Step, Handler], stop: asyncio.Event) -> None:
        """Name what runs each step."""
        for step, handler in handlers.items():
            self._register(step, handler, stop)

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until `stop` is set; survives a restart of PostgreSQL. What runs is ended first."""
        rescue = asyncio.create_task(self._keep_rescuing())
        try:
            while not stop.is_set():
                await self._run_worker(stop)
        finally:
            rescue.cancel()
            await asyncio.gather(rescue, return_exceptions=True)

    async def rescue(self) -> int:
        """Put the jobs of dead workers back into their queues; gives how many."""
        stalled = await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)
        rescued = 0
        for job in stalled:
            try:
                await self.app.job_manager.retry_job(job)
                rescued += 1
            except exceptions.UniqueViolation:  # its like waits already
                await self.app.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
            except exceptions.ConnectorException:  # another worker was faster
                continue
        if rescued:
            log.warning("jobs.rescued", number=rescued)
        return rescued

    async def _submit_once(self, job: Job, connection: Any) -> bool:
        """Look first: a refused insert would end the caller's transaction."""
        lock = f"{job.step}:{job.key}"
        if list(await self.app.job_manager.list_jobs_async(queueing_lock=lock, status="todo")):
            return False
        try:
            await self._deferrer(job.step, connection=connection, queueing_lock=lock).defer_async(**job.args)
        except exceptions.AlreadyEnqueued:
            return False
        return True

    def _deferrer(self, step: Step, **options: Any) -> Any:
        """Ticks go before batches, so that a full queue of batches delays no step."""
        priority = 1 if "queueing_lock" in options else 0
        return self.app.configure_task(_name(step), queue=QUEUES[step], priority=priority, **options)

    def _register(self, step: Step, handler: Handler, stop: asyncio.Event) -> None:
        lane, retry = self.lanes[step], RetryStrategy(max_attempts=TRIES, wait=AGAIN_SECONDS)

        @self.app.task(name=_name(step), queue=QUEUES[step], retry=retry, pass_context=True)
        async def task(context: JobContext, /, **args: Any) -> None:
            job = Job(step=step, args=args)
            well = await run_job(lane, handler, job, stop, metrics=self._metrics, clock=self._clock)
            if not well and context.job.queueing_lock is None:  # the others come again with a tick
                raise FailedJobError(lane.error)

    async def _run_worker(self, stop: asyncio.Event) -> None:
        """One life of a procrastinate worker: it ends with `stop`, or when the server goes away."""
        worker = asyncio.create_task(
            self.app.run_worker_async(
                queues=self._queues,
                concurrency=self._concurrency,
                delete_jobs="always",  # the ledger says what was done; finished rows slow every start
                install_signal_handlers=False,
                fetch_job_polling_interval=POLL_SECONDS,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
                shutdown_graceful_timeout=DRAIN_SECONDS,
            )
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
        worker.cancel()
        [ended] = await asyncio.gather(worker, return_exceptions=True)
        if not stop.is_set():
            log.warning("worker.disconnected", reason=str(ended) if ended else "a side task ended")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped, 1.0)
        stopped.cancel()

    async def _keep_rescuing(self) -> None:
        while True:
            try:
                await self.rescue()
            except exceptions.ConnectorException as error:
                log.warning("rescue.failed", reason=str(error))
            await asyncio.sleep(RESCUE_SECONDS)

    def _forget(self, task: "asyncio.Task[int]") -> None:
        self._asked.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("submit.failed", reason=str(error))


def _is_unique(job: Job) -> bool:
    return bool(job.key) or not job.args


def _name(step: Step) -> str:
    """The task's name in the database: never changes, for jobs outlive an upgrade."""
    return f"digest:{step}"
