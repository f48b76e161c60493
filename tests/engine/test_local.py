"""The engine inside one process: one job of a step at a time, none lost by an error, an orderly end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from digest.engine.jobs import Job, Step
from digest.engine.local import LocalEngine
from digest.engine.metrics import Metrics
from digest.engine.ticks import INTERVALS, Ticks
from digest.errors import BusyError, StorageError
from tests.make import NOW

Work = Callable[[Job, asyncio.Event], Awaitable[None]]


@asynccontextmanager
async def running(**handlers: Work) -> AsyncIterator[LocalEngine]:
    by_step = {Step(name): handler for name, handler in handlers.items()}
    engine = LocalEngine(by_step, metrics=Metrics(), clock=lambda: NOW)
    stop = asyncio.Event()
    task = asyncio.create_task(engine.run(stop))
    yield engine
    stop.set()
    await asyncio.wait_for(task, 5)


async def test_job_runs_its_step() -> None:
    done = asyncio.Event()

    async def ingest(job: Job, stop: asyncio.Event) -> None:
        done.set()

    async with running(ingest=ingest) as engine:
        assert await engine.submit([Job(step=Step.INGEST)]) == 1
        await asyncio.wait_for(done.wait(), 5)


async def test_step_without_a_handler_is_dropped() -> None:
    async with running() as engine:
        assert await engine.submit([Job(step=Step.BOUNCES)]) == 0


async def test_jobs_of_one_step_never_overlap_and_equal_ones_are_one() -> None:
    at_once, most, ran, gate = 0, 0, 0, asyncio.Event()

    async def due(job: Job, stop: asyncio.Event) -> None:
        nonlocal at_once, most, ran
        at_once, ran = at_once + 1, ran + 1
        most = max(most, at_once)
        await gate.wait()
        at_once -= 1

    async with running(due=due) as engine:
        await engine.submit([Job(step=Step.DUE)])
        await asyncio.sleep(0.01)
        assert await engine.submit([Job(step=Step.DUE)] * 5) == 1  # the first runs, one more may wait
        gate.set()
        await asyncio.sleep(0.05)
    assert (most, ran) == (1, 2)


async def test_steps_run_beside_each_other() -> None:
    met = asyncio.Barrier(2)

    async def meet(job: Job, stop: asyncio.Event) -> None:
        await asyncio.wait_for(met.wait(), 5)

    async with running(ingest=meet, deliver=meet) as engine:
        await engine.submit([Job(step=Step.INGEST), Job(step=Step.DELIVER)])
        await asyncio.sleep(0.05)
        assert [lane.error for lane in engine.lanes.values()] == [None, None]


@pytest.mark.parametrize("error", [StorageError("the disk is full"), ValueError("a fault")])
async def test_error_is_told_and_the_next_job_runs(error: Exception) -> None:
    runs = 0

    async def due(job: Job, stop: asyncio.Event) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise error

    async with running(due=due) as engine:
        await engine.submit([Job(step=Step.DUE)])
        await asyncio.sleep(0.02)
        assert str(error) in str(engine.lanes[Step.DUE].error)
        await engine.submit([Job(step=Step.DUE)])
        await asyncio.sleep(0.02)
        assert (runs, engine.lanes[Step.DUE].error) == (2, None)


async def test_other_instance_at_work_is_no_failure() -> None:
    async def ingest(job: Job, stop: asyncio.Event) -> None:
        raise BusyError("another run is at work")

    async with running(ingest=ingest) as engine:
        await engine.submit([Job(step=Step.INGEST)])
        await asyncio.sleep(0.02)
        text = engine._metrics.registry.get_sample_value(
            "digest_step_runs_total", {"step": "ingest", "outcome": "busy"}
        )
    assert text == 1.0


async def test_every_step_ticks_at_once_and_then_at_its_interval() -> None:
    ran: list[str] = []

    async def note(job: Job, stop: asyncio.Event) -> None:
        ran.append(job.step.value)

    async with running(**{step.value: note for step in Step}) as engine:
        ticks = Ticks(engine, INTERVALS | {Step.DUE: 0.05})
        ticks.start()
        await asyncio.sleep(0.3)
        next_at = ticks.next_at()
        ticks.stop()
    assert set(ran) == {step.value for step in Step}
    assert ran.count("due") >= 3
    assert next_at["ingest"] - datetime.now(UTC) > timedelta(minutes=19)
