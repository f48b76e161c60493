"""Fourteen recorded days in some minutes under `digest serve`: `python -m tests.soak`.

200 readers in 20 zones; feeds and mail server fail by the hour; one SIGKILL a day (`--no-kills`: none, to
watch the memory of one process); a visitor looks at the pages. After the last day the clock runs slowly, in
calm weather, until nothing is due. Prints a table and exits 1 if a reader got two issues for one due time, or
none, or a paper twice, or lost one; or if memory of the last day is more than 10 % above that of the second.
The week before the replay is stored already, as it is where the program runs for months.

`--workers 3` runs it past one machine: a ticker and workers over a PostgreSQL of their own, which is
restarted as by a power failure in the middle of the run; each SIGKILL takes one worker.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import httpx2

from digest.storage import accounting, subscribers
from digest.storage.database import Database
from tests.crash import cluster
from tests.soak import past, world
from tests.soak.verdict import Verdict, judge

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = CHECKOUT.parent / "shared"
CORPUS = "arxiv-cs-2025-09.jsonl.gz"
BASE = datetime(2026, 4, 13, 0, 0, tzinfo=UTC)


@dataclass
class Soak:
    """One run: its folder, its clock and what surrounds the node."""

    folder: Path
    days: int
    speed: float
    kills: bool
    feeds: Any
    mails: world.Mails
    database_url: str
    random: Random
    workers: int = 0  # 0: one process does everything
    server: Any = None  # the PostgreSQL, if it is ours to restart
    port: int = field(default_factory=world.free_port)  # of the pages
    helpers: list[Process] = field(default_factory=list)
    started: float = field(default_factory=time.time)
    samples: list[float] = field(default_factory=list)  # memory, all through the day
    memory: dict[int, float] = field(default_factory=dict)  # the median of each day
    killed: int = 0
    exit_code: int | None = None
    looked: int = 0  # pages that answered
    ended_at: datetime = BASE

    @property
    def end(self) -> datetime:
        """The replayed days, and some calm hours for what is deferred; from here on the clock is slow.

        Before arXiv would publish again: for a batch that never comes readers would wait, and rightly so.
        """
        return BASE + timedelta(days=self.days, hours=3.5)

    @property
    def now(self) -> datetime:
        """The time of the replay."""
        return world.clock_at(BASE, self.end, self.speed, time.time() - self.started)

    async def start(self) -> Process:
        """One node on the common clock; past one machine that is a worker, and the first has company."""
        if not self.workers:
            return await self.start_node("alone")
        if not self.helpers:
            self.helpers.append(await self.start_node("ticker"))
            self.helpers += [await self.start_node("worker") for _ in range(self.workers - 1)]
        return await self.start_node("worker")

    async def start_node(self, role: str) -> Process:
        env = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")} | {
            "DIGEST_DATABASE_URL": self.database_url,
            "DIGEST_SMTP_URL": self.mails.server.url,
            "DIGEST_FROM": "digest@papers.dev",
            "DIGEST_SECRET_KEY": "soak" * 10,
            "DIGEST_ADMIN_TOKEN": world.TOKEN,
            "DIGEST_CONFIG": str(self.folder / "subscribers.yaml"),
            "PYTHONPATH": str(CHECKOUT),
        }
        log = (self.folder / "node.log").open("ab")
        command = [
            sys.executable,
            "-m",
            "tests.soak.node",
            BASE.isoformat(),
            self.end.isoformat(),
            str(self.started),
            str(self.speed),
            str(self.port),
            role,
        ]
        return await asyncio.create_subprocess_exec(*command, cwd=self.folder, env=env, stderr=log)

    async def run(self) -> None:
        """Day after day, then on in calm weather until nothing is due, then SIGTERM."""
        node = await self.start()
        visitor = asyncio.create_task(self.visit())
        for day in range(self.days):
            node = await self.live_a_day(node, day)
            if self.server and day == self.days // 2:
                await self.restart_postgres()
            self.memory[day] = median(self.samples)
            told = f"{self.memory[day]:6.1f} MB  {self.mails.take_in():6} mails"
            print(f"{BASE.date() + timedelta(days=day)}  {told}", flush=True)
        deadline = time.time() + 300
        while self.now < self.end or (await self.is_waiting() and time.time() < deadline):
            self.set_weather()
            await asyncio.sleep(0.5)
        self.ended_at = self.now
        visitor.cancel()
        self.exit_code = await self.stop(node)
        self.mails.take_in()

    async def live_a_day(self, node: Process, day: int) -> Process:
        """One day with its weather and, if there are any, its SIGKILL."""
        begin = BASE + timedelta(days=day)
        self.samples.clear()
        kill_at = begin + timedelta(hours=self.random.uniform(1, 23)) if self.kills and day else None
        while self.now < begin + timedelta(days=1):
            self.set_weather()
            if kill_at and kill_at <= self.now:
                node, kill_at = await self.kill(node), None
            if node.returncode is not None:
                raise RuntimeError(f"the node ended by itself ({node.returncode}); see node.log")
            self.samples.append(world.resident(self.serving(node).pid))
            await asyncio.sleep(0.05)
        return node

    def serving(self, node: Process) -> Process:
        """Whose pages are looked at."""
        return self.helpers[0] if self.helpers else node

    async def stop(self, node: Process) -> int:
        """SIGTERM for everybody; gives the worst exit status."""
        everybody = (node, *self.helpers)
        for process in everybody:
            process.send_signal(signal.SIGTERM)
        return max([await asyncio.wait_for(process.wait(), 40) for process in everybody], key=abs)

    async def visit(self) -> None:
        """Somebody looks at the pages every few hours; between a kill and a start nobody answers."""
        token = {"Authorization": f"Bearer {world.TOKEN}"}
        async with httpx2.AsyncClient(timeout=30.0, headers=token) as client:
            while True:
                for page in world.PAGES:
                    with suppress(httpx2.TransportError):
                        answer = await client.get(f"http://127.0.0.1:{self.port}{page}")
                        self.looked += answer.status_code == 200
                await asyncio.sleep(4 * 3600 / self.speed)

    async def restart_postgres(self) -> None:
        """Immediate: every connection breaks, what was not committed is gone."""
        os.kill(self.server.get_pid(), signal.SIGQUIT)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(self.server.ensure_postgres_running)

    async def is_waiting(self) -> bool:
        """Is a reader due, or a delivery not settled yet, be it deferred?"""
        db = Database(self.database_url)
        try:
            async with db.read() as conn:
                due = await subscribers.count_due(conn, self.now, 1)
                later = await accounting.count_open(conn, self.now + timedelta(days=5), 1)
                return bool(due or later) or await accounting.has_work(conn, self.now, resend=True)
        finally:
            await db.close()

    async def kill(self, node: Process) -> Process:
        """SIGKILL, some minutes of outage, a new node."""
        node.kill()
        await node.wait()
        self.killed += 1
        await asyncio.sleep(self.random.uniform(0.1, 1.0))
        return await self.start()

    def set_weather(self) -> None:
        """Feeds, faults and moods of the hour."""
        self.feeds.set_maps(world.maps_at(self.now, SHARED / "feeds"))
        faults = world.faults_at(self.now)
        if faults != getattr(self, "_faults", None):
            self._faults = faults
            self.feeds.set_faults(faults)
        self.mails.mood.now = world.mood_at(self.now)

    def grown(self) -> float:
        """Memory of the last day over that of the second."""
        return self.memory[max(self.memory)] / self.memory[min(1, max(self.memory))]


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """Where the run leaves its files."""
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        if (keep / "digest.db").exists():  # what another run sent, this one's server has never seen
            raise SystemExit(f"{keep} holds the database of another run; name an empty folder")
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        yield Path(place)


async def soak(options: argparse.Namespace, place: Path, postgres: Any) -> tuple[Soak, Verdict]:
    """Run and judge."""
    server = world.load_feedserver(SHARED).FeedServer(SHARED / "feeds")
    url = postgres.get_uri() if postgres else options.database_url
    mails = world.Mails()
    with server as feeds:
        (place / "subscribers.yaml").write_text(world.roster(options.readers, feeds.url, options.seed))
        async with mails.server.running():
            run = Soak(
                folder=place,
                days=options.days,
                speed=86400 / options.seconds,
                kills=not options.no_kills,
                feeds=feeds,
                mails=mails,
                database_url=url or f"sqlite:///{place / 'digest.db'}",
                random=Random(options.seed),
                workers=options.workers,
                server=postgres,
            )
            await past.fill(run.database_url, SHARED / "feeds" / "corpus" / CORPUS, BASE)
            await run.run()
    db = Database(run.database_url)
    try:
        return run, await judge(db, mails.read, (place / "node.log").read_text(), run.ended_at)
    finally:
        await db.close()


def report(run: Soak, verdict: Verdict) -> bool:
    """Print the table; True if everything held."""
    grown = run.grown()
    rows = {
        "days": run.days,
        "SIGKILLs": run.killed,
        "exit status after SIGTERM": run.exit_code,
        "issues": verdict.issues,
        **{f"issues {state}": number for state, number in sorted(verdict.states.items())},
        "mails taken by the server": verdict.mailed,
        "of them the same mail again (doubt)": verdict.twice,
        "resends by policy": verdict.resent,
        "pages that answered": run.looked,
        "memory, second day": f"{run.memory[min(1, max(run.memory))]:.1f} MB",
        "memory, last day": f"{run.memory[max(run.memory)]:.1f} MB ({grown - 1:+.1%})",
        "faults": len(verdict.faults),
    }
    for name, value in rows.items():
        print(f"{name:40} {value}")
    for fault in verdict.faults[:40]:
        print("  FAULT", fault)
    return not verdict.faults and run.exit_code == 0 and grown <= 1.10


def main() -> int:
    """Read the options, run, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=40.0, help="of the machine for a day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-kills", action="store_true")
    parser.add_argument("--database-url", default="", help="default: a fresh SQLite file")
    parser.add_argument("--workers", type=int, default=0, help="past one machine: so many workers")
    parser.add_argument("--keep", type=Path, help="folder for database and log")
    options = parser.parse_args()
    with folder(options.keep) as place, cluster.postgres() if options.workers else nullcontext() as server:
        run, verdict = asyncio.run(soak(options, place, server))
    return 0 if report(run, verdict) else 1


if __name__ == "__main__":
    sys.exit(main())
