"""One pass writes at a time, and a dead one blocks nobody."""

from datetime import UTC, datetime

import pytest

from digest.errors import BusyError
from digest.pipeline.lease import LASTS, holding
from digest.pipeline.workers import worker_name
from digest.storage import leases
from digest.storage.database import Database


async def test_second_run_waits_and_then_says_who_holds_it(db: Database) -> None:
    first = worker_name()
    async with holding(db, "pass", first):
        with pytest.raises(BusyError, match="another run is at work"):
            async with holding(db, "pass", worker_name(), patience=0.3):
                pass


async def test_lease_is_free_after_the_work(db: Database) -> None:
    for _ in range(2):
        async with holding(db, "pass", worker_name(), patience=0):
            pass


async def test_killed_run_blocks_nobody(db: Database) -> None:
    place, _, _, random = worker_name().rsplit(":", 3)
    async with db.write() as conn:
        await leases.take(conn, "pass", f"{place}:999999999:1:{random}", datetime.now(UTC), LASTS)
    async with holding(db, "pass", worker_name(), patience=0):
        pass


async def test_run_on_another_machine_is_waited_for(db: Database) -> None:
    async with db.write() as conn:
        await leases.take(conn, "pass", "elsewhere:1:2:3:abcd", datetime.now(UTC), LASTS)
    with pytest.raises(BusyError, match="elsewhere"):
        async with holding(db, "pass", worker_name(), patience=0):
            pass
