"""One `digest serve` whose clock runs fast: `python -m tests.soak.node BASE END STARTED SPEED PORT`.

BASE is the first moment of the replay, STARTED the machine's time at which it began, SPEED how many seconds
pass in one until END; the pages are at PORT. Nothing else differs from the command, but two lengths of time
that belong to the machine and not to the calendar: ticks come more often, and leases and claims last as much
longer as the clock is fast.
A sixth word makes it one of many: `ticker`, a `digest serve` on PostgreSQL, or `worker`, a `digest worker`.
"""

import asyncio
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta

from digest.cli.desk import Desk, desk
from digest.cli.logs import configure_service_logs
from digest.cli.serve import listening, run_with_pages, with_address
from digest.cli.worker import stop_on_signals, work
from digest.engine import distributed, memory
from digest.engine.jobs import Step
from digest.engine.service import Service
from digest.engine.ticker import Ticker
from digest.pipeline import compose, sending
from digest.storage import ledger, outbox
from tests.soak.world import clock_at

#: Seconds of the machine between ticks.
TICKS = {Step.DUE: 0.25, Step.DELIVER: 0.2, Step.CLEAN_UP: 5.0}

#: Hours of the replay between two passes.
INGEST_HOURS = 2.0


async def main(
    base: datetime, end: datetime, started: float, speed: float, port: int, role: str = "alone"
) -> None:
    """Serve, or work, until SIGTERM."""

    def clock() -> datetime:
        return clock_at(base, end, speed, time.time() - started)

    lasts = ledger.LEASE * speed
    ledger.LEASE = outbox.LEASE = sending.LEASE = lasts
    compose.CLAIM_LASTS = compose.CLAIM_LASTS * speed
    ticks = TICKS | {Step.INGEST: INGEST_HOURS * 3600 / speed, Step.BOUNCES: 1e6}
    async with desk() as tools:
        if role == "worker":
            await work_fast(replace(tools, clock=clock))
            return
        with listening("127.0.0.1", port) as listener:
            fast = with_address(replace(tools, clock=clock), listener)
            hours = timedelta(hours=INGEST_HOURS)
            alone = role != "ticker"
            service = (
                Service(fast, intervals=ticks, ingest_every=hours) if alone else Ticker(fast, intervals=ticks)
            )
            await run_with_pages(fast, listener, service)


async def work_fast(tools: Desk) -> None:
    """Work, and miss a dead worker after two seconds: half an hour of its replay is too long."""
    distributed.HEARTBEAT_SECONDS, distributed.STALLED_SECONDS, distributed.RESCUE_SECONDS = 0.5, 2.0, 0.5
    queues = ["ingest", "compose", "deliver"]
    await work(tools, 3, queues, stop_on_signals(), ingest_every=timedelta(hours=INGEST_HOURS))


if __name__ == "__main__":
    configure_service_logs()
    memory.use_little()
    base, end, started, speed, port, *role = sys.argv[1:]
    times = datetime.fromisoformat(base), datetime.fromisoformat(end)
    asyncio.run(main(*times, float(started), float(speed), int(port), *role))
