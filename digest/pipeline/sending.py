"""One run of sending, as every front starts it: is it allowed, is there work, then deliver with leases kept.

pause, restored backup? ─→ something due? ─→ deliver, leases renewed meanwhile ─→ rates watched
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog

from digest.deliver.transport import Transport
from digest.errors import StorageError
from digest.models import Delivery
from digest.pipeline import alarm, epoch, reach
from digest.pipeline.deliver import Render, deliver
from digest.pipeline.delivery_report import DeliveryReport
from digest.storage import accounting, leases
from digest.storage.database import Database
from digest.storage.ledger import LEASE

#: Claims are renewed this often, by the machine's time.
RENEW_SECONDS = 60.0

Clock = Callable[[], datetime]

log = structlog.get_logger()


async def _everything(_emails: Iterable[str]) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How messages go out; the callables are asked only if there is something to send."""

    transport: Callable[[], Transport]
    render: Callable[[], Render]
    return_path: Callable[[Delivery], str]
    check: Callable[[], None] = lambda: None  # raises TemplateError: nothing new is made then
    carries: Callable[[Iterable[str]], Awaitable[bool]] = _everything  # see `reach`
    leaves: bool  # to real mailboxes, and not to a folder
    resend: bool = True  # the policy for doubtful ends of earlier runs


async def send_due(
    db: Database,
    way: Way,
    *,
    clock: Clock,
    worker: str,
    patient: bool = False,
    stop: asyncio.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> DeliveryReport:
    """Send everything that is due, unless sending is paused. Raises HeldError for a restored database."""
    if report := await _held(db, way, clock(), worker):
        return report
    if way.leaves:
        await epoch.advance(db, clock())
    transport = way.transport()
    try:
        async with _renewing(db, worker, clock), _following(stop) as own_stop:
            report = await deliver(
                db,
                transport,
                way.render(),
                clock=clock,
                worker=worker,
                return_path=way.return_path,
                resend=way.resend,
                patient=patient,
                stop=own_stop,
                progress=progress,
            )
    finally:
        await transport.close()
    if transport.carries_utf8 is not None:
        await reach.learn(db, transport.carries_utf8, clock())
    if way.leaves:
        await alarm.watch(db, clock())
    return report


async def _held(db: Database, way: Way, now: datetime, worker: str) -> DeliveryReport | None:
    """The report of a run that has nothing to do, or that an alarm forbids; None: go."""
    async with db.read() as conn:
        if not await accounting.has_work(conn, now, resend=way.resend):
            return DeliveryReport()
        pause = await alarm.paused(conn)
        if pause is None:
            return None
        waiting = await accounting.count_due(conn, worker, now)
    reason = f"{pause.reason}; `digest status --resume` sends again"
    return DeliveryReport(selected=waiting, pending=waiting, paused=reason)


@asynccontextmanager
async def _renewing(db: Database, worker: str, clock: Clock) -> AsyncIterator[None]:
    """Keep our claims ours while we work, however slow the server is."""

    async def renew() -> None:
        seconds = RENEW_SECONDS
        while True:
            await asyncio.sleep(seconds)
            try:
                async with db.write() as conn:
                    await leases.renew_deliveries(conn, worker, clock() + LEASE)
                seconds = RENEW_SECONDS
            except StorageError as error:  # a lease outlives several of these
                log.warning("lease.retry", reason=str(error))
                seconds = RENEW_SECONDS / 6

    renewal = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal


@asynccontextmanager
async def _following(stop: asyncio.Event | None) -> AsyncIterator[asyncio.Event]:
    """An event of this run alone: set when `stop` is, while the run may set it without stopping others."""
    own = asyncio.Event()
    if stop is None:
        yield own
        return

    async def follow() -> None:
        await stop.wait()
        own.set()

    follower = asyncio.create_task(follow())
    try:
        yield own
    finally:
        follower.cancel()
