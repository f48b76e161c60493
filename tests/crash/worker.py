"""One worker process: the step of `digest run` over a ledger of its own, and places where it may die."""

import asyncio
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from digest.deliver.relay import parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.deliver.transport import Envelope
from digest.errors import DigestError
from digest.models import Outcome, Verdict
from digest.pipeline import keeper
from digest.pipeline.deliver import deliver
from digest.pipeline.workers import worker_name
from digest.storage.database import Database
from tests.deliver.scene import render

#: Places in the worker, by the state that the ledger holds then.
POINTS = ("claimed", "marked", "accepted", "settled")


@dataclass
class Plan:
    """Where the worker dies, or what its disk does."""

    die_at: str = ""  # one of POINTS
    die_count: int = 1  # the how manyth time
    full_after: int = 0  # accepted messages after which the database cannot grow
    space_again: float = 0.0  # seconds until it can again; 0: never
    busy_seconds: float = 10.0
    connections: int = 8


class Deadly:
    """Counts passages; the last one is deadly."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.passed = plan, 0

    def reach(self, point: str) -> None:
        if point == self.plan.die_at:
            self.passed += 1
            if self.passed == self.plan.die_count:
                os.kill(os.getpid(), signal.SIGKILL)


class DeadlyTransport(SmtpTransport):
    """The SMTP transport with a place before and after each message."""

    deadly: Deadly
    accepted = 0
    on_accepted: Callable[[int], None]

    async def send(self, envelope: Envelope) -> Outcome:
        self.deadly.reach("marked")
        outcome = await super().send(envelope)
        if outcome.verdict is Verdict.ACCEPTED:
            self.accepted += 1
            self.deadly.reach("accepted")
            self.on_accepted(self.accepted)
        return outcome


class DeadlyDatabase(Database):
    """The database with a place after each group."""

    deadly: Deadly

    async def write_whole(self, work: Any) -> Any:
        result = await super().write_whole(work)
        self.deadly.reach("settled")
        return result


def work(url: str, port: int, plan: Plan, days: float) -> None:
    """Run once, `days` after today; exit 1 if the database gave up."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    keeper.PATIENCE = (0.1, 0.2, 0.4)
    os._exit(asyncio.run(_run(url, port, plan, days)))


async def _run(url: str, port: int, plan: Plan, days: float) -> int:
    deadly = Deadly(plan)
    db = DeadlyDatabase(url, busy_seconds=plan.busy_seconds)
    db.deadly = deadly
    transport = DeadlyTransport(parse_relay(f"smtp://127.0.0.1:{port}"), connections=plan.connections)
    transport.deadly, transport.on_accepted = deadly, _full_disk(db, plan)

    async def deadly_render(batch: Any) -> Any:
        deadly.reach("claimed")
        return await render(batch)

    try:
        await deliver(
            db,
            transport,
            deadly_render,
            clock=lambda: datetime.fromtimestamp(datetime.now(UTC).timestamp() + days * 86400, UTC),
            worker=worker_name(),
            return_path=lambda _: "bounces@papers.dev",
        )
    except DigestError:
        return 1
    finally:
        await transport.close()
        await db.close()
    return 0


def _full_disk(db: Database, plan: Plan) -> Callable[[int], None]:
    """A file that may not grow is what a full disk is to SQLite's log."""

    def on_accepted(count: int) -> None:
        if count != plan.full_after or db.path is None:
            return
        size = Path(f"{db.path}-wal").stat().st_size
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        if plan.space_again:
            again = asyncio.get_running_loop().call_later
            again(plan.space_again, resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))

    return on_accepted
