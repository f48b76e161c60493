"""A million subscribers on PostgreSQL, two workers, one recorded day: what each stage takes, how it grows.

    python -m tests.benchmarks.million [--subscribers 1000000] [--samples 1000,10000,50000] [--workers 2]

Fills a PostgreSQL (its own defaults, fsync on) with subscribers whose topics are titles of the recorded
papers, shared as interests are (Zipf), ingests the recorded day of the package, and lets ever more readers be
due. Each sample is claimed, composed and delivered by `digest worker` processes into Postfix's smtp-sink,
stage after stage. Needs the test group, Debian's postfix, and 6 GB of disk; nothing leaves 127.0.0.1.

Seconds are of the wall and depend on what else the machine does; CPU is that of workers and PostgreSQL.
"""

import argparse
import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import text

from digest.engine.distributed import DistributedEngine
from digest.engine.jobs import Job, Step
from digest.engine.metrics import Metrics
from digest.models import Source, SourceKind
from digest.pipeline.compose import BATCH, claim_batches
from digest.pipeline.ingest import ingest
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from digest.storage.tables import subscribers, topics
from tests.benchmarks.deliver import fresh_database, postgres, sink
from tests.make import recorded_papers
from tests.storage.crowd import generate, plans
from tests.storage.test_plans import BIG, hot

#: Distinct topics, followed with the weights of Zipf's law, and topics of one reader.
TOPICS, EACH = 20_000, 2

EXAMPLE = Source(name="example:arxiv", family="arxiv", kind=SourceKind.EXAMPLE, url="arxiv", open=True)

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Spent:
    """One stage of one sample."""

    readers: int
    seconds: float
    workers: float  # CPU seconds of the workers
    server: float  # CPU seconds of PostgreSQL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    parser.add_argument("--samples", default="1000,10000,50000")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with postgres("postgres") as server, fresh_database(server) as url, sink() as port:
        upgrade(url, _now())
        asyncio.run(measure(url, port, options))


async def measure(url: str, port: int, options: argparse.Namespace) -> None:
    db = Database(url)
    backend = await _count(db, "SELECT pg_backend_pid()")
    POSTMASTER.append(int(_stat(backend)[3]))
    started = time.perf_counter()
    await fill(db, options.subscribers)
    print(f"{options.subscribers:,} subscribers filled in {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    report = await ingest(db, [EXAMPLE], clock=_now)
    print(f"ingest: {report.papers} papers in {time.perf_counter() - started:.1f} s\n")
    await tell_queue(url)
    results: dict[str, list[Spent]] = {}
    for sample in (int(number) for number in options.samples.split(",")):
        for name, spent in (await run_sample(db, port, sample, options.workers)).items():
            results.setdefault(name, []).append(spent)
    tell(results)
    await tell_sizes(db)
    await tell_plans(db)
    await db.close()


async def fill(db: Database, readers: int) -> None:
    """Made by the server itself; nobody is due yet."""
    async with db.write() as conn:
        await conn.execute(text("CREATE TEMP TABLE interests (place integer, name text) ON COMMIT DROP"))
        await conn.execute(
            text("INSERT INTO interests VALUES (:place, :name)"),
            [{"place": place, "name": name} for place, name in enumerate(interests(TOPICS))],
        )
        await conn.execute(text("CREATE INDEX ON interests (place)"))
        await generate(
            conn,
            subscribers,
            readers,
            id="n",
            email="'reader' || n || '@papers.dev'",
            address="'reader' || n || '@papers.dev'",
            token="md5(n::text) || n",
            status="'active'",
            weekdays="'[0,1,2,3,4,5,6]'::json",
            at="'07:30'",
            zone="'Europe/Berlin'",
            max_papers="12",
            cut="50",
            next_issue_at="now() + interval '1 day'",
            last_pass="0",
        )
        for position in range(EACH):
            await generate(
                conn,
                topics,
                readers,
                subscriber_id="n",
                position=str(position),
                weight="1",
                name="interests.name",
                joined=f"JOIN interests ON place = floor({TOPICS}^chance)::int - 1",
            )
    async with db.write() as conn:
        await conn.execute(
            text("SELECT setval(pg_get_serial_sequence('subscribers', 'id'), :n)"), {"n": readers}
        )
        await conn.execute(text("ANALYZE"))


def interests(count: int) -> list[str]:
    """Phrases of real titles: what people follow."""
    dice, titles = random.Random(7), [paper.title.split() for paper in recorded_papers()]
    phrases: dict[str, None] = {}
    while len(phrases) < count:
        words = dice.choice(titles)
        start, length = dice.randrange(max(1, len(words) - 3)), dice.randint(2, 5)
        phrases[" ".join(words[start : start + length])] = None
        if dice.random() < 0.3:  # people also follow what no title says in these words
            other = dice.choice(titles)
            phrases[f"{dice.choice(words)} {dice.choice(other)} {dice.choice(other)}"] = None
    return list(phrases)[:count]


async def run_sample(db: Database, port: int, sample: int, workers: int) -> dict[str, Spent]:
    """Let so many be due; then claim, compose, deliver, each measured by itself."""
    async with db.write() as conn:
        await conn.execute(
            text(
                "UPDATE subscribers SET next_issue_at = now() - interval '1 minute' WHERE id IN (SELECT id "
                "FROM subscribers WHERE id NOT IN (SELECT subscriber_id FROM issues) LIMIT :n)"
            ),
            {"n": sample},
        )
    claimed = await claim(db, sample)
    composed = await stage(db, port, "compose", workers, sample, "SELECT count(*) FROM issues", "due")
    mails = await _count(db, "SELECT count(*) FROM deliveries WHERE state <> 'sent'")
    sent = "SELECT count(*) FROM deliveries WHERE state = 'sent'"
    delivered = await stage(db, port, "deliver", workers, mails, sent, "deliver")
    return {"claim": claimed, "compose": composed, "deliver": delivered}


async def claim(db: Database, sample: int) -> Spent:
    """What a tick does."""
    started, server, own = time.perf_counter(), server_cpu(), time.process_time()
    async with DistributedEngine(db.url, metrics=Metrics(), clock=_now) as engine:

        async def defer(conn: object, batches: Sequence[Sequence[int]], _: timedelta) -> None:
            jobs = [Job(step=Step.DUE, args={"ids": list(ids), "spread": 0}) for ids in batches]
            await engine.submit(jobs, conn=conn)  # type: ignore[arg-type]

        total = await claim_batches(db, defer, clock=_now, patience=timedelta())
    assert total == sample, total
    seconds = time.perf_counter() - started
    return Spent(sample, seconds, time.process_time() - own, server_cpu() - server)


async def stage(
    db: Database, port: int, queue: str, workers: int, more: int, counted: str, step: str
) -> Spent:
    """Run workers of one queue until `more` rows more are counted."""
    goal = await _count(db, counted) + more
    with working(db.url, port, queue, workers) as processes:
        await asyncio.sleep(6)  # imports are not part of it
        async with DistributedEngine(db.url, metrics=Metrics(), clock=_now) as engine:
            started, cpu, server = time.perf_counter(), worker_cpu(processes), server_cpu()
            if step == "deliver":
                await engine.submit([Job(step=Step.DELIVER)])
            while await _count(db, counted) < goal:
                await asyncio.sleep(0.25)
                if any(process.poll() is not None for process in processes):
                    sys.exit("a worker ended")
            seconds = time.perf_counter() - started
        spent = Spent(more, seconds, worker_cpu(processes) - cpu, server_cpu() - server)
        print(f"  {queue:8} {more:>7,}  memory of a worker {max(map(peak, processes)) / 1024:.0f} MB")
    return spent


@contextmanager
def working(url: str, port: int, queue: str, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """`digest worker` processes, as an operator starts them; composing begins with the first."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")} | {
        "DIGEST_DATABASE_URL": url,
        "DIGEST_SECRET_KEY": "a key of the benchmark that is long enough",
        "DIGEST_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "DIGEST_SMTP_CONNECTIONS": "8",
        "DIGEST_FROM": "digest <digest@papers.dev>",
        "DIGEST_BASE_URL": "https://papers.dev",
    }
    command = [sys.executable, "-m", "digest", "worker", "--queues", queue, "--concurrency", "1"]
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as log:
        running = [subprocess.Popen(command, env=environment, cwd=folder, stderr=log) for _ in range(count)]
        try:
            yield running
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(60)


async def tell_plans(db: Database) -> None:
    """The hot statements on this many rows."""
    statements = hot(_now())
    for name, work in statements.items():
        for plan in await plans(db, work):
            if BIG.search(plan):
                print(f"reads a whole table: {name}\n{plan}\n")
    print(f"{len(statements)} hot statements explained\n")


async def tell_queue(url: str, jobs: int = 500) -> None:
    """What the queue itself costs: jobs that do nothing, submitted, fetched, finished."""
    stop, done = asyncio.Event(), 0

    async def nothing(_job: Job, _stop: asyncio.Event) -> None:
        nonlocal done
        done += 1
        if done == jobs:
            stop.set()

    async with DistributedEngine(url, metrics=Metrics(), clock=_now) as engine:
        engine.handle({Step.DUE: nothing}, stop)
        started, spent = time.perf_counter(), time.process_time() + server_cpu()
        await engine.submit([Job(step=Step.DUE, args={"ids": list(range(BATCH))}) for _ in range(jobs)])
        await engine.run(stop)
    each = (time.process_time() + server_cpu() - spent) / jobs
    wall = (time.perf_counter() - started) / jobs
    print(
        f"queue: {each * 1000:.1f} ms CPU, {wall * 1000:.1f} ms of the wall to submit and run an empty job\n"
    )
    QUEUE_SECONDS.append(each)


QUEUE_SECONDS: list[float] = []
POSTMASTER: list[int] = []


def tell(results: dict[str, list[Spent]]) -> None:
    """Rates, growth, and what a million takes."""
    print(f"\n{'stage':9}{'readers':>9}{'wall s':>9}{'a second':>10}{'ms CPU each':>13}{'of it server':>14}")
    total = 0.0
    for name, rows in results.items():
        for one in rows:
            cpu = (one.workers + one.server) / one.readers * 1000
            print(
                f"{name:9}{one.readers:>9,}{one.seconds:>9.1f}{one.readers / one.seconds:>10,.0f}"
                f"{cpu:>13.2f}{one.server / one.readers * 1000:>14.2f}"
            )
        per = [(one.workers + one.server) / one.readers for one in rows]
        print(f"{'':9}growth: CPU a reader, the largest sample to the one before: {per[-1] / per[-2]:.2f}\n")
        total += per[-1] * (rows[-1].readers / results["claim"][-1].readers)
    batch = results["compose"][-1]
    share = QUEUE_SECONDS[0] / ((batch.workers + batch.server) / batch.readers * BATCH)
    print(f"queue: {share:.1%} of the CPU time of a batch of {BATCH}")
    print(f"a million: {total * 1e6 / 3600:.2f} core hours, so {total * 1e6 / 3600:.1f} cores for one hour")


async def tell_sizes(db: Database) -> None:
    tables = ("subscribers", "topics", "issues", "deliveries", "mailed", "papers", "procrastinate_jobs")
    async with db.write() as conn:
        await conn.execute(text("ANALYZE"))
        whole = await conn.scalar(text("SELECT pg_database_size(current_database())"))
        print(f"\ndatabase: {whole / 1e6:,.0f} MB")
        for table in tables:
            parts = f"SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('{table}')"
            size = float(
                await conn.scalar(text(f"SELECT coalesce(({parts}), pg_total_relation_size('{table}'))"))
            )
            rows = await conn.scalar(text(f"SELECT count(*) FROM {table}"))
            each = size / max(rows, 1)
            print(f"  {table:20}{size / 1e6:>9,.1f} MB {rows:>11,} rows {each:>7,.0f} bytes a row")


def worker_cpu(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """CPU seconds so far, of processes that still run."""
    return sum(sum(map(int, _stat(process.pid)[13:15])) for process in processes) / TICKS


def server_cpu() -> float:
    """CPU seconds so far of our PostgreSQL: its processes, and those that have ended."""
    spent = 0
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            fields = _stat(int(folder.name)) if folder.name.isdigit() else []
            if fields and int(fields[3]) == POSTMASTER[0]:
                spent += sum(map(int, fields[13:15]))
    return (spent + sum(map(int, _stat(POSTMASTER[0])[13:17]))) / TICKS


def _stat(pid: int) -> list[str]:
    """Fields of proc(5), counted from 0; the name may hold spaces."""
    before, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    return [str(pid), before.partition("(")[2], *after.split()]


def peak(process: subprocess.Popen[bytes]) -> int:
    """Largest resident memory so far, in kB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


async def _count(db: Database, query: str) -> int:
    async with db.read() as conn:
        return int(await conn.scalar(text(query)) or 0)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
