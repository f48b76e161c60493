"""One `digest serve` whose clock runs fast: `python -m tests.soak.node BASE STARTED SPEED`.

BASE is the first moment of the replay, STARTED the machine's time at which it began, SPEED how many seconds
pass in one. Nothing else differs from the command, but two lengths of time that belong to the machine and
not to the calendar: ticks come more often, and leases of deliveries last as much longer as the clock is fast.
"""

import asyncio
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta

from digest.cli.desk import desk
from digest.cli.logs import configure_service_logs
from digest.cli.memory import give_memory_back
from digest.cli.serve import listening, run_with_pages, with_address
from digest.engine.jobs import Step
from digest.engine.service import Service
from digest.pipeline import sending
from digest.storage import ledger, outbox

#: Seconds of the machine between ticks.
TICKS = {Step.DUE: 0.25, Step.DELIVER: 0.2, Step.CLEAN_UP: 5.0}

#: Hours of the replay between two passes.
INGEST_HOURS = 1.0


async def main(base: datetime, started: float, speed: float) -> None:
    """Serve until SIGTERM."""

    def clock() -> datetime:
        return base + timedelta(seconds=(time.time() - started) * speed)

    lasts = ledger.LEASE * speed
    ledger.LEASE = outbox.LEASE = sending.LEASE = lasts
    ticks = TICKS | {Step.INGEST: INGEST_HOURS * 3600 / speed, Step.BOUNCES: 1e6}
    async with desk() as tools:
        with listening("127.0.0.1", 0) as listener:
            fast = with_address(replace(tools, clock=clock), listener)
            service = Service(fast, intervals=ticks, ingest_every=timedelta(hours=INGEST_HOURS))
            await run_with_pages(fast, listener, service)


if __name__ == "__main__":
    configure_service_logs()
    give_memory_back()
    asyncio.run(main(datetime.fromisoformat(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
