"""The keeper of a run's ledger: groups what came back and what goes out next into commits.

A disk sync is shared by up to GROUP messages, and at no time are more rows in `data` than the transport
carries at once plus GROUP: that is the bound on doubt after a crash. A slow relay never waits for the
disk, so there hardly more are marked than are being carried: the look-ahead grows only when connections run
dry.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

import structlog

from digest.deliver.settle import is_dead_address, is_policy, is_soft_bounce, settle
from digest.errors import StorageError
from digest.models import Delivery, DeliveryState, Message, Outcome, Verdict
from digest.pipeline.delivery_report import LISTED
from digest.pipeline.destinations import Destinations
from digest.storage import ledger
from digest.storage.database import Database
from digest.storage.ledger import Group, Mark, Pace
from digest.storage.refusals import Refusal

#: Messages of one commit, beyond those that the transport carries at once.
GROUP = 50

#: Seconds that an outcome waits for others at most; with a quick disk only so many times a commit's own time,
#: for what the server took and no commit tells of is what a crash doubles.
LONGEST, REST = 0.1, 2

#: Outcomes of one commit; more than a window holds, so that a slow disk catches up.
SETTLED = 500

#: Seconds between tries when the database cannot be written: nothing goes out, nothing is forgotten.
PATIENCE = (0.2, 1.0, 5.0, 10.0)

log = structlog.get_logger()

Ready = tuple[Delivery, Message]


class Back(NamedTuple):
    """A delivery that came back from the transport, or that never went there (`outcome` None: unsent)."""

    delivery: Delivery
    outcome: Outcome | None
    marked: bool  # its row is in `data`
    raw: bytes = b""  # what may have arrived


@dataclass(slots=True)
class Keeper:
    """The state of one run's ledger, shared by its tasks on one event loop."""

    db: Database
    worker: str
    now: datetime  # of the run's clock at the start
    carried: int  # messages that the transport carries at once
    relay: str
    rate: float | None
    stop: asyncio.Event
    destinations: Destinations
    counts: Counter[str] = field(default_factory=Counter)
    replies: list[str] = field(default_factory=list)
    refused: list[Delivery] = field(default_factory=list)  # bounces that are recorded, not weighed yet
    rendered: deque[Ready] = field(default_factory=deque)
    back: deque[Back] = field(default_factory=deque)
    outstanding: int = 0  # rows in `data`
    ahead: int = 1  # of them, beyond what the transport carries; up to GROUP
    more: bool = True  # claims may follow
    halted: str = ""  # why the run was stopped
    unavailable: str = ""  # what the relay said, if it was the relay that stopped us
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    started: float = field(default_factory=monotonic)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _committed_at: float = 0.0  # monotonic
    _took: float = LONGEST  # seconds of the last commit
    _slots_at: float = 0.0  # monotonic time before which the pace allows nothing

    @property
    def plenty(self) -> int:
        """With so many on their way no connection runs dry: each has a message and its follower."""
        return self.carried + min(self.carried, GROUP // 2)

    @property
    def window(self) -> int:
        """How many rows may be in `data` now; with `ahead` at most GROUP, this is the bound on doubt."""
        return self.carried + self.ahead

    @property
    def rest(self) -> float:
        """Seconds from one commit to the next, if little comes back."""
        return min(LONGEST, REST * self._took)

    def halt(self, reason: str) -> None:
        """Start nothing more; what is in flight is still settled, the rest given back."""
        self.halted = self.halted or reason
        self.stop.set()
        self.rouse()

    def rouse(self) -> None:
        """Something changed: look again."""
        self._wake.set()
        self._room.set()

    def end_claims(self) -> None:
        """Nothing more will be offered."""
        self.more = False
        self._wake.set()

    def offer(self, ready: Delivery, message: Message) -> None:
        """A message that may go out."""
        self.rendered.append((ready, message))
        if self._is_due():
            self._wake.set()

    def take_back(
        self, delivery: Delivery, outcome: Outcome | None, *, marked: bool, raw: bytes = b""
    ) -> None:
        """What became of a delivery; `raw` is what left, if nobody knows whether it arrived.

        The first of a group starts its clock, the last its commit.
        """
        self.back.append(Back(delivery, outcome, marked, raw))
        if len(self.back) == 1 or self._is_due():
            self._wake.set()

    async def room(self, few: int) -> None:
        """Wait until at most `few` messages wait to be marked."""
        while len(self.rendered) > few and not self.stop.is_set():
            self._room.clear()
            await self._room.wait()

    async def keep(self, hand_over: Callable[[Delivery, Message], None]) -> None:
        """Commit group after group until everything that was claimed is settled.

        `hand_over` begins to send a message that is marked; `take_back` tells how that ended.
        """
        while await self._has_work():
            for delivery, message in await self._commit():
                hand_over(delivery, message)

    async def _has_work(self) -> bool:
        """Wait for a group that is worth a disk sync; False when there will be nothing more."""
        while not self._is_due():
            if not (self.more or self.outstanding or self.rendered or self.back):
                return False
            self._wake.clear()
            await self._wait()
        return True

    def _is_due(self) -> bool:
        """A group is due when half of one came back, when connections run dry, at the end, after a rest."""
        came = len(self.back)
        if self.stop.is_set():
            return bool(came or self.rendered)
        if came > self.ahead // 2:
            return True
        if not came and not self._may_mark():
            return False
        dry = self.outstanding - came <= self.plenty and (not self.rendered or self._may_mark())
        return dry or monotonic() - self._committed_at >= self.rest

    def _may_mark(self) -> bool:
        return bool(self.rendered) and self.outstanding < self.window and monotonic() >= self._slots_at

    async def _wait(self) -> None:
        """Until something changes, or the pace allows the next message, or a small group has waited long."""
        pauses = [self.rest] if self.back else []
        if self.rendered and not self.stop.is_set() and self._slots_at > monotonic():
            pauses.append(self._slots_at - monotonic())
        try:
            await asyncio.wait_for(self._wake.wait(), min(pauses, default=None))
        except TimeoutError:
            return

    async def _commit(self) -> list[Ready]:
        """One transaction, tried again while the database cannot be written; gives what goes out now.

        Raises StorageError at last.
        """
        self._look_ahead()
        back = [self.back.popleft() for _ in range(min(len(self.back), SETTLED))]
        settled = [
            (settle(one.delivery, one.outcome, self.clock()), one.outcome) for one in back if one.outcome
        ]
        unsent = {one.delivery.id for one in back if one.outcome is None}
        doubtful = {one.delivery.id: one.raw for one in back if one.raw}
        freed = sum(one.marked for one in back)
        for wait in (*PATIENCE, None):
            marks = self._next(freed)
            if self.stop.is_set():
                unsent |= {delivery.id for delivery, _ in self.rendered}
                self.rendered.clear()
            try:
                sent_on, gone = await self._write(settled, unsent, doubtful, marks)
                break
            except StorageError as error:
                self.rendered.extendleft(reversed(marks))
                self.halt(str(error))
                if wait is None:
                    raise
                log.warning("ledger.retry", seconds=wait, reason=str(error))
                await asyncio.sleep(wait)
        self.outstanding -= freed
        self._count([one for one in settled if one[0].id not in gone], unsent - gone)
        return self._started(marks, sent_on)

    def _look_ahead(self) -> None:
        """More if connections wait for the disk while messages wait for them, else slowly less."""
        in_flight = self.outstanding - len(self.back)
        if self.outstanding >= self.window and in_flight < self.plenty and self.rendered:
            self.ahead = min(GROUP, 2 * self.ahead + 1)
        elif in_flight > self.plenty:
            self.ahead = max(1, self.ahead - 1)

    def clock(self) -> datetime:
        """The run's time: moves on even if `--now` fixed it, so that pauses and paces end."""
        return self.now + timedelta(seconds=monotonic() - self.started)

    def _next(self, freed: int) -> list[Ready]:
        """The messages that go out next: never more in `data` than the window allows."""
        if self.stop.is_set() or monotonic() < self._slots_at:
            return []
        space = self.window - (self.outstanding - freed)
        chosen = [self.rendered.popleft() for _ in range(min(space, len(self.rendered)))]
        return [one for one in chosen if not self.postpone(one[0])]

    def postpone(self, delivery: Delivery) -> bool:
        """If its domain refuses everything, a delivery waits without being tried."""
        reason = self.destinations.waits(delivery.email)
        if reason:
            outcome = Outcome(verdict=Verdict.DEFERRED, stage="pause", reply=reason)
            self.take_back(delivery._replace(attempts=delivery.attempts - 1), outcome, marked=False)
        return bool(reason)

    def is_sure(self, email: str) -> bool:
        """May a refusal of this address be believed, or did so many refuse that the fault may be ours?"""
        return not (self.unavailable or self.destinations.is_doubted(email))

    async def _write(
        self,
        settled: Sequence[tuple[Delivery, Outcome]],
        unsent: set[int],
        doubtful: Mapping[int, bytes],
        marks: Sequence[Ready],
    ) -> tuple[set[int], set[int]]:
        """Commit; gives the ids that may go out, and of those that came back the ones that are deleted.

        Marks beyond the pace go back to the waiting ones.
        """
        now = self.clock()
        group = Group(
            settled=[delivery for delivery, _ in settled],
            refused={one: found for one, outcome in settled if (found := _refusal(outcome))},
            unsent=unsent,
            doubtful=doubtful,
            marks=[Mark(delivery, message.message_id, message.raw) for delivery, message in marks],
        )
        pace = Pace(relay=self.relay, rate=self.rate, at=now) if self.rate else None
        begun = monotonic()
        async with self.writing:
            written = await self.db.write_whole(
                lambda conn: ledger.write(conn, group, worker=self.worker, now=now, pace=pace)
            )
        self._committed_at = monotonic()
        self._took = self._committed_at - begun
        if written.allowed < len(marks) and self.rate:
            self.rendered.extendleft(reversed(marks[written.allowed :]))
            self._slots_at = monotonic() + 1 / self.rate
        self.counts["selected"] -= written.allowed - len(written.ours) + len(written.gone)
        return written.ours, written.gone

    def _count(self, settled: Sequence[tuple[Delivery, Outcome]], unsent: set[int]) -> None:
        """Count what is committed now."""
        self.counts["pending"] += len(unsent)
        for delivery, outcome in settled:
            self.counts[delivery.state.value] += 1
            _log(delivery, outcome)
            self._watch(delivery, outcome)
            if _refusal(outcome):
                self.refused.append(delivery)
            if delivery.state is DeliveryState.SENT and len(self.replies) < LISTED:
                self.replies.append(outcome.reply)

    def _watch(self, delivery: Delivery, outcome: Outcome) -> None:
        if reason := self.destinations.note(delivery.email, outcome):
            self.unavailable = self.unavailable or reason
            self.halt(reason)

    def _started(self, marks: Sequence[Ready], mine: set[int]) -> list[Ready]:
        """Those that are marked; rows that another worker took meanwhile are theirs to send and count."""
        ours = [one for one in marks if one[0].id in mine]
        self.outstanding += len(ours)
        self._room.set()
        return ours


def _refusal(outcome: Outcome) -> Refusal | None:
    """What speaks against the address; None if nothing does."""
    if is_dead_address(outcome):
        return Refusal("hard", outcome.enhanced or "")
    return Refusal("soft", outcome.enhanced or "") if is_soft_bounce(outcome) else None


def _log(settled: Delivery, outcome: Outcome) -> None:
    if settled.state is DeliveryState.SENT or outcome.stage == "pause":
        return
    tell = log.error if is_policy(outcome) else log.warning
    tell(
        f"delivery.{'policy' if is_policy(outcome) else settled.state}",
        delivery=settled.id,
        attempt=settled.attempts,
        stage=outcome.stage,
        code=outcome.code,
        enhanced=outcome.enhanced,
    )
