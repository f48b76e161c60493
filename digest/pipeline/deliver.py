"""Deliver what is due: claim → render → mark `data` → send → settle, until the outbox has nothing due.

    claim ──batches──▶ render ──▶ [rendered] ──ledger──▶ [marked] ──senders──▶ [settled] ──ledger──▶ done
                                              one commit            transport             one commit

One task writes the ledger: each commit settles what came back and marks what goes out next, so a disk
sync is shared by up to GROUP messages. At no time are more rows in `data` than the transport carries at
once plus GROUP: that is the bound on doubt after a crash. Memory holds two batches, however many are due.
"""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from digest.deliver.settle import is_dead_address, is_policy, settle
from digest.deliver.transport import Envelope, Transport
from digest.errors import DigestError
from digest.models import Delivery, DeliveryState, Message, Outcome, Verdict
from digest.pipeline.delivery_report import COUNTED, LISTED, DeliveryReport, Problem
from digest.pipeline.workers import dead_workers
from digest.storage import accounting, outbox, recovery
from digest.storage.database import Database
from digest.storage.outbox import Claim, Marked
from digest.storage.suppressions import suppress as suppress_address

Clock = Callable[[], datetime]
Render = Callable[[Sequence[Delivery]], Awaitable[Mapping[int, Message | DigestError]]]
Progress = Callable[[int], None]

#: Deliveries of one claim, and so of one call of `render`.
BATCH = 200

#: Messages of one commit, beyond those that the transport carries at once.
GROUP = 50

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
    stop: asyncio.Event | None = None,
    progress: Progress | None = None,
) -> DeliveryReport:
    """Send every delivery that is due; one that fails never stops the rest.

    `worker` names this run alone (`worker_name()`), `resend` is the policy for doubtful ends of earlier
    runs, `stop` ends the run early: what is in flight is still settled. Raises StorageError.
    """
    await _recover(db, clock, worker, resend)
    run = _Run(db, transport, render, clock, worker, return_path, stop or asyncio.Event(), progress)
    work = asyncio.create_task(run.everything())
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        run.halt("stopped")
        await work
        raise
    return await _report(db, run, clock)


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


@dataclass(slots=True)
class _Run:
    """The state of one run; its tasks share it on one event loop."""

    db: Database
    transport: Transport
    render: Render
    clock: Clock
    worker: str
    return_path: Callable[[Delivery], str]
    stop: asyncio.Event
    progress: Progress | None
    counts: Counter[str] = field(default_factory=Counter)
    written: list[str] = field(default_factory=list)
    paused: str = ""
    rendered: deque[tuple[Delivery, Message]] = field(default_factory=deque)
    marked: asyncio.Queue[tuple[Delivery, Message] | None] = field(default_factory=asyncio.Queue)
    settled: deque[tuple[Delivery, Outcome | None]] = field(default_factory=deque)
    outstanding: int = 0  # marked `data`, not settled yet
    claiming: bool = True
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    room: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def window(self) -> int:
        """How many rows may be in `data` at a time."""
        return self.transport.concurrency + GROUP

    def halt(self, reason: str) -> None:
        """Claim and start nothing more; what is in flight is still settled."""
        self.paused = self.paused or reason
        self.stop.set()
        self.wake.set()
        self.room.set()

    async def everything(self) -> None:
        """Claim, keep the ledger and send at once, until nothing is due or the run was stopped."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.claim_all())
                tasks.create_task(self.keep_ledger())
                for _ in range(self.window):
                    tasks.create_task(self.send_all())
        except ExceptionGroup as group:
            told = [error for error in group.exceptions if isinstance(error, DigestError)]
            raise told[0] if told else group from None

    async def claim_all(self) -> None:
        """Claim batch after batch and render each; waits while a whole batch lies ready."""
        try:
            while not self.stop.is_set():
                async with self.writing, self.db.write() as conn:
                    claim = await outbox.claim(conn, worker=self.worker, now=self.clock(), limit=BATCH)
                if not claim:
                    return
                self.count(claim)
                if claim.ready:
                    self.take(claim.ready, await self.render(claim.ready))
                await self.wait_for_room()
        finally:
            self.claiming = False
            self.wake.set()

    def count(self, claim: Claim) -> None:
        """Count what was taken; what ended in the claim needs nothing more."""
        self.counts["selected"] += len(claim)
        for delivery in claim.ended:
            self.counts[delivery.state.value] += 1

    def take(self, ready: Sequence[Delivery], messages: Mapping[int, Message | DigestError]) -> None:
        """Queue the messages; what could not be rendered is deferred, so that a mended template sends it."""
        for delivery in ready:
            message = messages.get(delivery.id)
            if isinstance(message, Message):
                self.rendered.append((delivery, message))
            else:
                reason = str(message or "there is nothing to send")
                outcome = Outcome(verdict=Verdict.DEFERRED, stage="render", reply=reason)
                self.settled.append((delivery, outcome))
        self.wake.set()

    async def wait_for_room(self) -> None:
        """Until less than half a batch waits, so that the next one is ready in time."""
        while len(self.rendered) > BATCH // 2 and not self.stop.is_set():
            self.room.clear()
            await self.room.wait()

    async def keep_ledger(self) -> None:
        """Commit in groups until everything that was claimed is settled; then let the senders go."""
        try:
            while await self.has_work():
                await self.commit()
        finally:
            for _ in range(self.window):
                self.marked.put_nowait(None)

    async def has_work(self) -> bool:
        """Wait for something to commit; False when there will be nothing more."""
        while True:
            space = self.rendered and (self.outstanding < self.window or self.stop.is_set())
            if self.settled or space:
                return True
            if not (self.claiming or self.outstanding or self.rendered):
                return False
            self.wake.clear()
            await self.wake.wait()

    async def commit(self) -> None:
        """One transaction: settle what came back, mark what goes out next."""
        now = self.clock()
        back = [self.settled.popleft() for _ in range(min(len(self.settled), BATCH))]
        after = [(d, o, settle(d, o, now)) for d, o in back if o is not None]
        unsent = {d.id for d, o in back if o is None}
        marks = self.next_marks(sum(1 for d, _ in back if d.state is DeliveryState.DATA))
        async with self.writing, self.db.write() as conn:
            await outbox.settle(conn, [settled for _, _, settled in after], worker=self.worker)
            for _, outcome, settled in after:
                if is_dead_address(outcome):
                    await suppress_address(conn, settled.email, "hard bounce", now)
            if self.stop.is_set():
                unsent |= {delivery.id for delivery, _ in self.rendered}
                self.rendered.clear()
            await outbox.give_back(conn, unsent, worker=self.worker)
            ours = await outbox.mark_data(conn, [_mark(*item) for item in marks], worker=self.worker, now=now)
        self.finish(back, after, unsent)
        self.start(marks, ours)

    def next_marks(self, freed: int) -> list[tuple[Delivery, Message]]:
        """The messages that go out next: never more in `data` than the window allows."""
        if self.stop.is_set():
            return []
        space = self.window - (self.outstanding - freed)
        return [self.rendered.popleft() for _ in range(min(space, len(self.rendered)))]

    def finish(
        self,
        back: Sequence[tuple[Delivery, Outcome | None]],
        after: Sequence[tuple[Delivery, Outcome, Delivery]],
        unsent: set[int],
    ) -> None:
        """Count what is committed now."""
        self.outstanding -= sum(1 for delivery, _ in back if delivery.state is DeliveryState.DATA)
        self.counts["pending"] += len(unsent)
        for _, outcome, settled in after:
            self.counts[settled.state.value] += 1
            _log(settled, outcome)
            if settled.state is DeliveryState.SENT and len(self.written) < LISTED:
                self.written.append(outcome.reply)
        if self.progress:
            self.progress(len(after))

    def start(self, marks: Sequence[tuple[Delivery, Message]], ours: set[int]) -> None:
        """Hand over what is marked; a row that another worker took meanwhile is theirs to send and count."""
        for delivery, message in marks:
            if delivery.id in ours:
                self.outstanding += 1
                self.marked.put_nowait((replace(delivery, state=DeliveryState.DATA), message))
            else:
                self.counts["selected"] -= 1
        self.room.set()

    async def send_all(self) -> None:
        """One sender: hands over message after message; after a halt it gives them back unsent."""
        while item := await self.marked.get():
            delivery, _ = item
            outcome = None if self.stop.is_set() else await self.transport.send(self.envelope(*item))
            if outcome and outcome.verdict is Verdict.UNAVAILABLE:
                self.halt(outcome.reply)
            self.settled.append((delivery, outcome))
            self.wake.set()

    def envelope(self, delivery: Delivery, message: Message) -> Envelope:
        """The message as the transport wants it."""
        return Envelope(
            sender=self.return_path(delivery),
            recipient=delivery.email,
            raw=message.raw,
            name=f"{delivery.due_at:%Y-%m-%d}-{delivery.email}-{delivery.id}",
            html=message.html,
        )


def _mark(delivery: Delivery, message: Message) -> Marked:
    return Marked(delivery, message.message_id, hashlib.sha256(message.raw).hexdigest())


def _log(settled: Delivery, outcome: Outcome) -> None:
    fields = {
        "delivery": settled.id,
        "attempt": settled.attempts,
        "stage": outcome.stage,
        "code": outcome.code,
    }
    if settled.state is DeliveryState.SENT:
        log.debug("delivery.sent", **fields)
    elif is_policy(outcome):
        log.error("delivery.policy", **fields)
    else:
        log.warning(f"delivery.{settled.state}", **fields)


async def _report(db: Database, run: _Run, clock: Clock) -> DeliveryReport:
    """The counts of the run, checked against the ledger; what was left due counts as pending."""
    async with db.read() as conn:
        ledger = await accounting.account(conn, run.worker)
        left = await accounting.count_due(conn, run.worker, clock())
        problems = await accounting.problems(conn, run.worker, limit=LISTED)
    counted = {name: run.counts[name] for name in COUNTED}
    balanced = sum(counted.values()) == run.counts["selected"] and counted == {
        name: ledger.get(name, 0) for name in COUNTED
    }
    if not balanced:
        log.error("deliver.unbalanced", counted=counted, ledger=dict(ledger))
    counted["pending"] += left
    return DeliveryReport(
        selected=run.counts["selected"] + left,
        problems=tuple(Problem(*row) for row in problems),
        paused=run.paused,
        written=tuple(run.written),
        balanced=balanced,
        **counted,
    )
