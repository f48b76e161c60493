"""Scenarios: a ledger of readers, a mail server, a worker that dies; restart; count in the maildir."""

import asyncio
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from digest.pipeline.keeper import GROUP
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from digest.storage.tables import deliveries
from tests.crash.mailbox import STAGES, Behaviour, copies, serve
from tests.crash.worker import POINTS, Plan, work
from tests.deliver.daemons import Dovecot, dovecot, postfix, smtp_sink
from tests.deliver.scene import add_readers
from tests.make import NOW

#: Processes start by fork: imports are done once, a worker lives 20 ms after its order.
FORK = multiprocessing.get_context("fork")

#: Postfix's smtp-sink, which keeps what it takes: how it refuses.
HANGING_UP = "ends after the dot"
SINKS = {
    "takes all": (),
    "says 450": ("-r", "RCPT"),
    "says 421": ("-Q", "MAIL"),
    "says 550": ("-f", "RCPT", "-B", "550 5.1.1 no such reader"),
    "ends at DATA": ("-q", "DATA"),
    HANGING_UP: ("-q", "."),
}

#: The ledger's days; the deferred come back on the second.
TODAY = (NOW.timestamp() - time.time()) / 86400


@dataclass
class Verdict:
    """What the maildir and the ledger say after a scenario."""

    name: str
    kills: int = 0
    lost: int = 0  # not in the maildir, and the ledger does not say that it failed
    doubles: int = 0  # second copies where the ledger had recorded doubt
    wrong_doubles: int = 0  # second copies without doubt, or third ones
    uncertain: int = 0  # most rows in doubt after one crash
    bound: int = 0
    unfinished: int = 0  # rows that are in no final state
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.lost or self.wrong_doubles or self.unfinished or self.faults)

    def add(self, other: "Verdict") -> None:
        """Sum up repetitions."""
        for name in ("kills", "lost", "doubles", "wrong_doubles", "unfinished"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.uncertain = max(self.uncertain, other.uncertain)
        self.bound = max(self.bound, other.bound)
        self.faults += other.faults


@dataclass
class PostOffice:
    """A real Postfix that delivers into a real Dovecot, for all scenarios of a run."""

    port: int
    dovecot: Dovecot
    queue: Path

    def drain(self) -> None:
        """Until Postfix has delivered everything."""
        waiting = ("maildrop", "incoming", "active", "deferred")
        while any(path.is_file() for name in waiting for path in (self.queue / name).rglob("*")):
            time.sleep(0.05)

    @contextmanager
    def maildir(self) -> Iterator[Path]:
        """The mailboxes of all readers, empty at first."""
        self.drain()
        for path in self.dovecot.mails():
            path.unlink()
        yield self.dovecot.folder / "home"


class Stage:
    """Where scenarios play: a template of the ledger that is copied for each."""

    def __init__(
        self, readers: int, server: str | None = None, post: PostOffice | None = None, *, sink: bool = False
    ) -> None:
        self.readers, self.server, self.post, self.sink = readers, server, post, sink
        self.folder = Path(tempfile.mkdtemp(prefix="crash-"))
        self.template = self._url("template")
        if server:
            self._admin("create database crash_template")
        upgrade(self.template)
        asyncio.run(self._fill())

    async def _fill(self) -> None:
        db = Database(self.template)
        await add_readers(db, self.readers)
        await db.close()

    def _url(self, name: str) -> str:
        if not self.server:
            return f"sqlite:///{self.folder}/{name}.db"
        from sqlalchemy import make_url

        named = make_url(self.server).set(database=f"crash_{name}")
        return named.render_as_string(hide_password=False)

    def _admin(self, statement: str) -> None:
        import psycopg

        assert self.server
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def ledger(self) -> Iterator[str]:
        """Address of a fresh copy."""
        if self.server:
            self._admin("create database crash_now template crash_template")
            yield self._url("now")
            self._admin("drop database crash_now with (force)")
            return
        for suffix in ("-wal", "-shm"):
            (self.folder / f"now.db{suffix}").unlink(missing_ok=True)
        shutil.copy(self.folder / "template.db", self.folder / "now.db")
        yield self._url("now")

    @contextmanager
    def maildir(self) -> Iterator[Path]:
        if self.post:
            with self.post.maildir() as folder:
                yield folder
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            for path in (self.folder, Path(folder)):
                path.chmod(0o777)  # smtp-sink writes as nobody
            yield Path(folder)

    def close(self) -> None:
        if self.server:
            self._admin("drop database crash_template")
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Scene:
    """One scenario that plays: ledger, maildir, server."""

    url: str
    maildir: Path
    post: PostOffice | None = None
    victim: Any = field(default_factory=lambda: FORK.Value("i", 0))
    servers: list[Any] = field(default_factory=list)
    kills: int = 0

    def serve(self, behaviour: Behaviour) -> int:
        """Start a mail server; gives its port."""
        if self.post:
            return self.post.port
        port = FORK.Value("i", 0)
        process = FORK.Process(target=serve, args=(self.maildir, behaviour, self.victim, port), daemon=True)
        process.start()
        self.servers.append(process)
        while not port.value:
            time.sleep(0.002)
        return int(port.value)

    def start(self, port: int, plan: Plan | None = None, days: float = 0.0) -> Any:
        """Start a worker; the server knows whom to kill."""
        process = FORK.Process(target=work, args=(self.url, port, plan or Plan(), TODAY + days))
        process.start()
        self.victim.value = process.pid
        return process

    def end(self, *workers: Any) -> None:
        """Wait for workers; a kill is counted."""
        for worker in workers:
            worker.join(120)
            if worker.is_alive():
                worker.kill()
                raise RuntimeError("a worker hangs")
            self.kills += worker.exitcode == -signal.SIGKILL
        self.victim.value = 0

    def settle(self) -> None:
        """Restart without trouble, today and on the next day, until nothing is due."""
        port = self.serve(Behaviour())
        for days in (0.0, 0.02, 1.0, 2.0):
            self.end(self.start(port, days=days))

    def rows(self) -> list[Any]:
        """The whole ledger."""

        async def read() -> list[Any]:
            db = Database(self.url)
            async with db.read() as conn:
                rows = list(await conn.execute(select(deliveries)))
            await db.close()
            return rows

        return asyncio.run(read())

    def in_doubt(self) -> int:
        """Rows that a dead worker left in `data`."""
        return sum(row.state == "data" for row in self.rows())

    def judge(self, name: str, connections: int, workers: int = 1) -> Verdict:
        """Count in the maildir, compare with the ledger."""
        if self.post:
            self.post.drain()
        found = copies(self.maildir)
        verdict = Verdict(name, kills=self.kills, bound=(connections + GROUP) * workers)
        for row in self.rows():
            count = found.pop(f"<{row.id}.digest@papers.dev>", 0)
            verdict.lost += count == 0 and row.state != "failed"
            verdict.doubles += count == 2 and row.uncertain_at is not None
            verdict.wrong_doubles += count > 2 or (count == 2 and row.uncertain_at is None)
            verdict.unfinished += row.state not in ("sent", "failed")
        if found:
            verdict.faults.append(f"unknown messages: {list(found)[:3]}")
        return verdict


@contextmanager
def post_office() -> Iterator[PostOffice]:
    """Needs root and Debian's packages."""
    with tempfile.TemporaryDirectory(prefix="post-") as name:
        folder = Path(name)
        with dovecot(folder / "dovecot") as mailbox:
            routes = {"papers.dev": f"lmtp:inet:127.0.0.1:{mailbox.lmtp}"}
            with postfix(folder / "postfix", routes) as port:
                yield PostOffice(port, mailbox, folder / "postfix" / "queue")


@contextmanager
def playing(stage: Stage) -> Iterator[Scene]:
    with stage.ledger() as url, stage.maildir() as maildir:
        scene = Scene(url, maildir, stage.post)
        try:
            yield scene
        finally:
            for server in scene.servers:
                server.kill()
                server.join()


def killed(stage: Stage, name: str, behaviour: Behaviour, plan: Plan, after: float = 0.0) -> Verdict:
    """One worker dies at a place (of the server's, of its own, or after a time); restart; count."""
    with playing(stage) as scene:
        worker = scene.start(scene.serve(behaviour), plan)
        if after:
            time.sleep(after)
            if worker.is_alive():
                os.kill(worker.pid, signal.SIGKILL)
        scene.end(worker)
        doubt = scene.in_doubt()
        scene.settle()
        verdict = scene.judge(name, plan.connections)
        verdict.uncertain = doubt
        if doubt > verdict.bound:
            verdict.faults.append(f"{doubt} rows in doubt, more than {verdict.bound}")
        return verdict


def at_stage(stage: Stage, place: str, message: int) -> Verdict:
    """The server kills the worker at an SMTP stage."""
    return killed(stage, f"SMTP {place}", Behaviour(kill_at=place, kill_message=message), Plan())


def at_point(stage: Stage, point: str, count: int) -> Verdict:
    """The worker dies at a state of the ledger."""
    return killed(stage, f"ledger {point}", Behaviour(), Plan(die_at=point, die_count=count))


def at_random(stage: Stage, seconds: float) -> Verdict:
    """The worker is killed from outside after a time."""
    return killed(stage, "random time", Behaviour(), Plan(), after=seconds)


def two_and_two(stage: Stage, seconds: float) -> Verdict:
    """Four processes work on one ledger; two of them are killed, the others go on."""
    with playing(stage) as scene:
        port = scene.serve(Behaviour())
        workers = [scene.start(port) for _ in range(4)]
        time.sleep(seconds)
        for worker in workers[:2]:
            if worker.is_alive():
                os.kill(worker.pid, signal.SIGKILL)
        scene.end(*workers)
        doubt = scene.in_doubt()
        scene.settle()
        verdict = scene.judge("4 processes, 2 killed", Plan().connections, workers=2)
        verdict.uncertain = doubt
        return verdict


def hanging_up(stage: Stage) -> Verdict:
    """The server keeps one message in ten and hangs up instead of answering."""
    with playing(stage) as scene:
        scene.end(scene.start(scene.serve(Behaviour(hang_up=0.1))))
        uncertain = sum(row.state == "uncertain" for row in scene.rows())
        scene.settle()
        verdict = scene.judge("hang-up after final dot", Plan().connections)
        verdict.uncertain, verdict.bound = uncertain, 0
        return verdict


def mixed(stage: Stage) -> Verdict:
    """450, 421, 550 and dropped sessions; run again until the deferred have had their turn."""
    with playing(stage) as scene:
        port = scene.serve(Behaviour(mixed=True))
        for hours in range(40):
            scene.end(scene.start(port, days=hours / 24))
            if not any(row.state in ("pending", "deferred") for row in scene.rows()):
                break
        verdict = scene.judge("450/421/550/drop mix", Plan().connections)
        if not any(row.state == "failed" for row in scene.rows()):
            verdict.faults.append("nobody was refused")
        return verdict


def sunk(stage: Stage, way: str, seconds: float) -> Verdict:
    """smtp-sink refuses in one way while the worker dies; after a second run there, all goes well."""
    with playing(stage) as scene, smtp_sink(*SINKS[way], "-d", f"{scene.maildir}/%H.") as port:
        worker = scene.start(port)
        time.sleep(seconds)
        if worker.is_alive():
            os.kill(worker.pid, signal.SIGKILL)
        scene.end(worker)
        doubt = scene.in_doubt()
        if way != HANGING_UP:  # a second doubt about one message is for the operator
            scene.end(scene.start(port))
        scene.settle()
        verdict = scene.judge(f"smtp-sink {way}", Plan().connections)
        verdict.uncertain = doubt
        return verdict


def full_disk(stage: Stage, space_again: float) -> Verdict:
    """The database cannot grow after the 40th 250: for a while, or until the next start."""
    with playing(stage) as scene:
        plan = Plan(full_after=40, space_again=space_again)
        scene.end(scene.start(scene.serve(Behaviour()), plan))
        doubt = scene.in_doubt()
        scene.settle()
        verdict = scene.judge(f"disk full{' for a moment' if space_again else ''}", plan.connections)
        verdict.uncertain = doubt
        if space_again and verdict.doubles:
            verdict.faults.append("doubles although the disk had space again")
        return verdict


def locked(stage: Stage, seconds: float) -> Verdict:
    """Another program holds the write lock of the file in the middle of the run."""
    with playing(stage) as scene:
        worker = scene.start(scene.serve(Behaviour()), Plan(busy_seconds=0.2))
        while worker.is_alive() and not any(scene.maildir.iterdir()):
            time.sleep(0.001)
        holder = sqlite3.connect(scene.url.removeprefix("sqlite:///"), isolation_level=None, timeout=10)
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        holder.execute("ROLLBACK")
        holder.close()
        scene.end(worker)
        scene.settle()
        verdict = scene.judge("database locked", Plan().connections)
        if verdict.doubles:
            verdict.faults.append("doubles although nothing died")
        return verdict


def plays(stage: Stage, seed: int) -> Iterator[Callable[[], Verdict]]:
    """One round of all scenarios, at places that follow from the seed."""
    dice = random.Random(seed)
    for place in () if stage.post else STAGES:
        yield partial(at_stage, stage, place, dice.randrange(1, stage.readers))
    for point in POINTS:
        often = point in ("marked", "accepted")
        yield partial(at_point, stage, point, dice.randrange(1, stage.readers) if often else 1)
    for _ in range(3):
        yield partial(at_random, stage, dice.uniform(0.02, 0.2))
    yield partial(two_and_two, stage, dice.uniform(0.02, 0.15))
    if stage.post:
        return
    for way in SINKS if stage.sink else ():
        yield partial(sunk, stage, way, dice.uniform(0.1, 0.4))
    yield partial(hanging_up, stage)
    yield partial(mixed, stage)
    if not stage.server:
        yield partial(full_disk, stage, 0.0)
        yield partial(full_disk, stage, 0.3)
        yield partial(locked, stage, 0.3)
