"""The distributed engine on a real PostgreSQL: claims, batches, rescue; the ledger holds the truth."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.engine.distributed_steps import DistributedSteps
from digest.engine.jobs import Job, Step
from digest.engine.metrics import Metrics
from digest.engine.ticker import Ticker
from digest.pipeline.compose import CLAIM_LASTS, claim_batches, compose
from digest.storage import queue
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from digest.storage.tables import deliveries, issues, subscribers
from tests.engine.scene import Scene, claim, count, count_jobs, count_sent, fill, until, worker

BATCHES = "args ? 'ids'"


@pytest.fixture
async def scene(postgres_url: str) -> AsyncIterator[Scene]:
    database = Database(postgres_url)
    yield Scene(database)
    await database.close()


async def test_three_workers_send_every_reader_one_mail(scene: Scene) -> None:
    await fill(scene.db, 250)
    async with worker(scene) as engine, worker(scene), worker(scene, concurrency=3):
        await engine.submit([Job(step=Step.DUE)])

        async def done() -> bool:
            return await count_sent(scene.db) == 250

        await until(done)
    assert Counter(scene.transport.recipients) == {f"reader{n}@papers.dev": 1 for n in range(1, 251)}
    assert await count(scene.db) == 250


async def test_both_engines_make_the_same_issues(scene: Scene, sqlite: Database) -> None:
    for db in (scene.db, sqlite):
        await fill(db, 30)
    await compose(sqlite, clock=scene.clock)
    async with scene.engine() as engine:
        await claim(scene, engine)
    async with worker(scene):
        await until(lambda: _composed(scene.db, 30))
    assert await _shown(scene.db) == await _shown(sqlite)


async def test_claims_and_jobs_are_one_transaction(scene: Scene) -> None:
    await fill(scene.db, 10)

    async def refuse(conn: AsyncConnection, *_: object) -> None:
        await engine.submit([Job(step=Step.DUE, args={"ids": [1], "spread": 0})], conn=conn)
        raise RuntimeError

    async with scene.engine() as engine:
        with pytest.raises(RuntimeError):
            await claim_batches(scene.db, refuse, clock=scene.clock, patience=timedelta())
        assert await count_jobs(scene.db) == 0
        assert await claim(scene, engine) == 10
    assert await count_jobs(scene.db, BATCHES) == 1


async def test_ticks_at_the_same_time_claim_nobody_twice(scene: Scene) -> None:
    await fill(scene.db, 401)
    async with scene.engine() as engine:
        claimed = await asyncio.gather(*(claim(scene, engine) for _ in range(4)))
    assert sum(claimed) == 401
    async with scene.db.read() as conn:
        query = text("SELECT jsonb_array_elements(args->'ids')::int FROM procrastinate_jobs")
        ids = sorted(await conn.scalars(query))
    assert ids == list(range(1, 402))


async def test_lost_job_is_found_again_when_its_claim_ends(scene: Scene) -> None:
    await fill(scene.db, 5)
    async with scene.engine() as engine:
        assert await claim(scene, engine) == 5
        async with scene.db.write() as conn:
            await conn.execute(text("DELETE FROM procrastinate_jobs"))
        assert await claim(scene, engine) == 0
        scene.now += CLAIM_LASTS + timedelta(seconds=1)
        assert await claim(scene, engine) == 5


async def test_batch_that_runs_twice_makes_one_issue_each(scene: Scene) -> None:
    await fill(scene.db, 20)
    async with scene.engine() as engine:
        await claim(scene, engine)
        async with scene.db.write() as conn:
            await conn.execute(
                text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, args) "
                    "SELECT queue_name, task_name, args FROM procrastinate_jobs"
                )
            )
    async with worker(scene, concurrency=2), worker(scene):
        await until(lambda: _idle(scene.db))
    assert await count(scene.db) == 20
    assert await count(scene.db, deliveries) == 20


async def test_reader_whose_issue_cannot_be_made_stops_nobody(scene: Scene) -> None:
    await fill(scene.db, 20)
    async with scene.db.write() as conn:
        await conn.execute(update(subscribers).where(subscribers.c.id == 7).values(zone="Nowhere/Land"))
    async with scene.engine() as engine:
        await claim(scene, engine)
    async with worker(scene, concurrency=2):
        await until(lambda: _composed(scene.db, 19))


async def test_unsubscribed_after_the_claim_gets_nothing(scene: Scene) -> None:
    await fill(scene.db, 3)
    async with scene.engine() as engine:
        await claim(scene, engine)
    async with scene.db.write() as conn:
        await conn.execute(update(subscribers).where(subscribers.c.id == 2).values(status="unsubscribed"))
    async with worker(scene):
        await until(lambda: _idle(scene.db))
    assert await count(scene.db) == 2


async def test_tick_whose_like_waits_is_dropped(scene: Scene) -> None:
    async with scene.engine() as engine:
        assert await engine.submit([Job(step=Step.DUE)]) == 1
        assert await engine.submit([Job(step=Step.DUE), Job(step=Step.DELIVER)]) == 1
        assert sum(await asyncio.gather(*(engine.submit([Job(step=Step.INGEST)]) for _ in range(5)))) == 1


async def test_jobs_of_a_dead_worker_are_rescued(scene: Scene) -> None:
    await fill(scene.db, 10)
    async with scene.engine() as engine:
        await claim(scene, engine)
        await engine.submit([Job(step=Step.DUE)])
        dead = await engine.app.job_manager.register_worker()
        for _ in range(2):
            await engine.app.job_manager.fetch_job(queues=None, worker_id=dead)
        await engine.submit([Job(step=Step.DUE)])
        assert await engine.rescue() == 0  # its heart still beats
        await _silence(scene.db, dead)
        assert await engine.rescue() == 1  # the batch; the tick's like waits already
        assert await engine.rescue() == 0
    assert (await count_jobs(scene.db, "status = 'todo'"), await count_jobs(scene.db)) == (2, 2)


async def test_worker_goes_on_after_its_connections_broke(scene: Scene) -> None:
    await fill(scene.db, 30)
    async with worker(scene) as engine:
        await asyncio.sleep(0.5)
        async with scene.db.read() as conn:
            await conn.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                    "AND datname = current_database()"
                )
            )
        await asyncio.sleep(0.2)
        await engine.submit([Job(step=Step.DUE)])
        await until(lambda: _composed(scene.db, 30))


async def test_lost_notification_costs_a_second(scene: Scene) -> None:
    await fill(scene.db, 5)
    async with scene.db.write() as conn:
        await conn.execute(text("ALTER TABLE procrastinate_jobs DISABLE TRIGGER USER"))
    async with worker(scene) as engine:
        await asyncio.sleep(1.5)  # asleep, until something tells it or a second has passed
        await engine.submit([Job(step=Step.DUE)])
        await until(lambda: _composed(scene.db, 5), 10)


async def test_late_end_of_a_worker_that_was_given_up_changes_nothing(scene: Scene) -> None:
    """It was only slow: its batch is composed a second time, beside it."""
    await fill(scene.db, 10)
    async with scene.engine() as slow:
        await claim(scene, slow)
        silent = await slow.app.job_manager.register_worker()
        job = await slow.app.job_manager.fetch_job(queues=["compose"], worker_id=silent)
        assert job is not None
        await _silence(scene.db, silent)
        steps = DistributedSteps(scene, Metrics(), engine=slow, ingest_every=timedelta(days=1))
        batch = Job(step=Step.DUE, args=job.task_kwargs)
        async with worker(scene) as engine:
            assert await engine.rescue() <= 1  # or the worker itself was faster
            await steps.handlers()[Step.DUE](batch, asyncio.Event())
            await until(lambda: _idle(scene.db))
    assert (await count(scene.db), await count(scene.db, deliveries)) == (10, 10)


async def _silence(db: Database, worker_id: int) -> None:
    """As if the worker had died a while ago."""
    async with db.write() as conn:
        await conn.execute(
            text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '5 min' WHERE id = :id"),
            {"id": worker_id},
        )


async def _composed(db: Database, number: int) -> bool:
    return await count(db) == number


async def _idle(db: Database) -> bool:
    return await count_jobs(db) == 0


async def _shown(db: Database) -> list[object]:
    async with db.read() as conn:
        query = select(issues.c.subscriber_id, issues.c.shown, issues.c.note, issues.c.from_pass)
        return [tuple(row) for row in await conn.execute(query.order_by(issues.c.subscriber_id))]


async def test_ticker_asks_for_every_step_and_runs_none(scene: Scene) -> None:
    ticker, stop = Ticker(scene), asyncio.Event()
    running = asyncio.create_task(ticker.run(stop))
    await until(lambda: _waiting(scene.db, 4))
    ticker.wake()
    assert (ticker.faults(), set(ticker.next_ticks())) == ([], {"ingest", "due", "deliver", "clean-up"})
    stop.set()
    await running
    assert await count_jobs(scene.db, "status = 'todo'") == 4
    assert ticker.lanes()[Step.DUE].started_at == scene.now


async def test_upgrade_runs_beside_a_worker(scene: Scene) -> None:
    await fill(scene.db, 20)
    async with worker(scene) as engine:
        await engine.submit([Job(step=Step.DUE)])
        assert await asyncio.to_thread(upgrade, scene.db.url) is False
        await until(lambda: _composed(scene.db, 20))


async def _waiting(db: Database, number: int) -> bool:
    return await count_jobs(db) == number


async def test_queue_and_workers_are_counted(scene: Scene) -> None:
    async with scene.engine() as engine:
        await engine.submit([Job(step=Step.DUE), Job(step=Step.DELIVER), Job(step=Step.INGEST)])
        await engine.app.job_manager.register_worker()
    async with scene.db.read() as conn:
        assert await queue.waiting(conn) == {"compose": 1, "deliver": 1, "ingest": 1}
        assert await queue.workers(conn) == 1


async def test_bounces_are_asked_for_only_where_there_is_a_mailbox(scene: Scene) -> None:
    assert Step.BOUNCES in Ticker(scene, bounces=True).lanes()
    assert Step.BOUNCES not in Ticker(scene).lanes()
