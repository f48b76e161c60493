"""Deliver what is due: claim → render → mark `data` → send → settle, until the outbox has nothing due.

    claim ─batch→ render ─→ [rendered] ─keeper→ marked ─transport→ [back] ─keeper→ settled
                                       one commit                         one commit

Memory holds two batches, however many deliveries are due.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from digest.deliver.transport import Envelope, Transport
from digest.errors import DigestError
from digest.models import Delivery, Message, Outcome, Verdict
from digest.pipeline import bounces
from digest.pipeline.delivery_report import COUNTED, LISTED, DeliveryReport, Problem
from digest.pipeline.keeper import Keeper
from digest.pipeline.relay_memory import paused, recall, remember
from digest.pipeline.workers import dead_workers
from digest.storage import accounting, outbox, recovery
from digest.storage.database import Database

Clock = Callable[[], datetime]
Render = Callable[[Sequence[Delivery]], Awaitable[Mapping[int, Message | DigestError]]]
Progress = Callable[[int], None]

#: Deliveries of one claim, and so of one call of `render`.
BATCH = 200

log = structlog.get_logger()


async def deliver(
    db: Database,
    transport: Transport,
    render: Render,
    *,
    clock: Clock,
    worker: str,
    return_path: Callable[[Delivery], str],
    resend: bool = True,
    patient: bool = False,
    stop: asyncio.Event | None = None,
    progress: Progress | None = None,
) -> DeliveryReport:
    """Send every delivery that is due; one that fails never stops the rest.

    `worker` names this run alone (`worker_name()`), `resend` is the policy for doubtful ends of earlier
    runs, `patient` honours the pause that a relay asked for (for ticks; a person may try at once), `stop`
    ends the run early: what is in flight is still settled. Raises StorageError.
    """
    await _recover(db, clock, worker, resend)
    destinations = await recall(db, transport, clock())
    keeper = Keeper(
        db=db,
        worker=worker,
        now=clock(),
        carried=transport.concurrency,
        relay=transport.name,
        rate=transport.rate,
        stop=stop or asyncio.Event(),
        destinations=destinations,
    )
    if patient and (reason := await paused(db, transport.name, clock())):
        keeper.halt(reason)
    else:
        connections = transport.allowed
        await _whole(_Run(keeper, transport, render, clock, return_path, progress))
        await remember(db, keeper, transport, connections, clock())
        await _weigh(db, keeper, clock())
    return await _report(db, keeper, clock)


async def _recover(db: Database, clock: Clock, worker: str, resend: bool) -> None:
    async with db.write() as conn:
        dead = dead_workers(await recovery.holders(conn), worker)
        recovered = await recovery.recover(conn, clock(), dead=dead, resend=resend)
    if recovered.freed or recovered.doubtful or recovered.resent:
        log.warning(
            "deliver.recovered",
            freed=recovered.freed,
            doubtful=recovered.doubtful,
            resent=recovered.resent,
        )


async def _whole(run: "_Run") -> None:
    """Run to the end, even if we are cancelled: claims are given back, what is in flight is settled."""
    work = asyncio.create_task(run.everything())
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        run.keeper.halt("stopped")
        await work
        raise


@dataclass(slots=True)
class _Run:
    """The tasks of one run around its keeper."""

    keeper: Keeper
    transport: Transport
    render: Render
    clock: Clock
    return_path: Callable[[Delivery], str]
    progress: Progress | None
    failure: BaseException | None = None

    async def everything(self) -> None:
        """Claim, keep the ledger and send at once, until nothing is due or the run was stopped."""
        withdrawing = asyncio.create_task(self.withdraw_at_stop())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.claim_all())
                tasks.create_task(self.keeper.keep(self.hand_over))
        except ExceptionGroup as group:
            self.failure = self.failure or group.exceptions[0]
        finally:
            withdrawing.cancel()
        if self.failure:
            raise self.failure

    async def claim_all(self) -> None:
        """Claim batch after batch; whatever breaks here stops the claims, not what is in flight."""
        try:
            while not self.keeper.stop.is_set() and await self.claim_some():
                await self.keeper.room(BATCH // 2)
        except Exception as error:
            self.failure = error
            self.keeper.halt(str(error))
        finally:
            self.keeper.end_claims()

    async def claim_some(self) -> int:
        """Claim and render one batch; gives how many deliveries it took."""
        take = partial(outbox.claim_whole, worker=self.keeper.worker, now=self.clock(), limit=BATCH)
        async with self.keeper.writing:
            claim = await self.keeper.db.write_whole(take)
        self.keeper.counts["selected"] += len(claim)
        self.keeper.counts.update(delivery.state.value for delivery in claim.ended)
        ready = [delivery for delivery in claim.ready if not self.keeper.postpone(delivery)]
        waiting = {delivery.id: delivery for delivery in ready}
        try:
            messages = await self.render(ready) if ready else {}
            for delivery in ready:
                self.offer(waiting.pop(delivery.id), messages.get(delivery.id))
        finally:
            for delivery in waiting.values():
                self.keeper.take_back(delivery, None, marked=False)
        return len(claim)

    def offer(self, delivery: Delivery, message: Message | DigestError | None) -> None:
        """What could not be rendered is deferred, so that a mended template sends it."""
        if isinstance(message, Message):
            self.keeper.offer(delivery, message)
        else:
            reason = str(message or "there is nothing to send")
            outcome = Outcome(verdict=Verdict.DEFERRED, stage="render", reply=reason)
            self.keeper.take_back(delivery, outcome, marked=False)

    def hand_over(self, delivery: Delivery, message: Message) -> None:
        """Give a marked message to the transport; after a stop it comes back unsent."""
        if self.keeper.stop.is_set():
            self.keeper.take_back(delivery, None, marked=True)
            return
        envelope = Envelope(
            sender=self.return_path(delivery),
            recipient=delivery.email,
            raw=message.raw,
            name=f"{delivery.due_at.date()}-{delivery.email}-{delivery.id}",
        )
        sending = asyncio.ensure_future(self.transport.send(envelope))
        sending.add_done_callback(partial(self.came_back, delivery, message.raw))

    def came_back(self, delivery: Delivery, raw: bytes, sending: asyncio.Future[Outcome]) -> None:
        """What a message came to; if it shows that nothing can be sent now, the run halts."""
        outcome = _outcome(delivery, sending)
        if outcome and outcome.verdict is Verdict.UNAVAILABLE:
            self.keeper.unavailable = self.keeper.unavailable or outcome.reply
            self.keeper.halt(outcome.reply)
        doubtful = outcome is not None and outcome.verdict is Verdict.UNKNOWN
        self.keeper.take_back(delivery, outcome, marked=True, raw=raw if doubtful else b"")
        if self.progress:
            self.progress(1)

    async def withdraw_at_stop(self) -> None:
        """What the transport has not begun to send goes back to the outbox at once."""
        await self.keeper.stop.wait()
        self.transport.withdraw()
        self.keeper.rouse()


def _outcome(delivery: Delivery, sending: asyncio.Future[Outcome]) -> Outcome | None:
    """How it ended; None if it was withdrawn; a fault of ours in between leaves doubt, and says so."""
    if sending.cancelled():
        return None
    if error := sending.exception():
        log.error("deliver.broken", delivery=delivery.id, exc_info=error)
        return Outcome(verdict=Verdict.UNKNOWN, stage="dot", reply=repr(error))
    return sending.result()


async def _weigh(db: Database, keeper: Keeper, now: datetime) -> None:
    """What refusals mean for their readers, where so many refused that it may be our fault with more care."""
    for sure in (True, False):
        some = [one for one in keeper.refused if keeper.is_sure(one.email) is sure]
        await bounces.weigh(db, some, now, sure=sure)


async def _report(db: Database, keeper: Keeper, clock: Clock) -> DeliveryReport:
    """The counts of the run, checked against the ledger; what was left due counts as pending.

    The ledger may hold less than was counted: a reader was deleted since, or another run tried again what
    was deferred. What was uncertain may be due again or given up by now. Anything else is a fault of ours.
    """
    async with db.read() as conn:
        states = await accounting.account(conn, keeper.worker)
        left = await accounting.count_due(conn, keeper.worker, clock())
        problems = await accounting.problems(conn, keeper.worker, limit=LISTED)
    counted = {name: keeper.counts[name] for name in COUNTED}
    most = counted | {name: counted[name] + counted["uncertain"] for name in ("pending", "expired")}
    balanced = sum(counted.values()) == keeper.counts["selected"] and all(
        number <= most.get(state, 0) for state, number in states.items()
    )
    if not balanced:
        log.error("deliver.unbalanced", counted=counted, ledger=states)
    counted["pending"] += left
    return DeliveryReport(
        selected=keeper.counts["selected"] + left,
        problems=tuple(Problem(*row) for row in problems),
        paused=keeper.halted,
        written=tuple(keeper.replies),
        balanced=balanced,
        **counted,
    )
