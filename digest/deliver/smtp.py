"""SMTP: a pool of reused connections to one relay. Judges replies through `replies`, keeps no ledger."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import cast

import structlog

from digest.deliver.addresses import reserved
from digest.deliver.conversation import Conversation, Lost, Opening, open_transaction, opening, stuffed
from digest.deliver.relay import Relay, Unavailable, connect
from digest.deliver.replies import judge, printable
from digest.deliver.transport import Envelope
from digest.models import Outcome, Verdict

#: Messages a connection carries before a fresh one takes its place; some relays cut off at 100.
MESSAGES_A_CONNECTION = 100

#: A connection without work says goodbye after this many seconds, so none is probed before use.
IDLE_SECONDS = 5.0

log = structlog.get_logger()


#: Stages at which a session that carried messages may end without a word against the server.
_BETWEEN = ("rset", "mail")

#: Of a message that no session has seen.
NOTHING = Opening(b"", b"")


@dataclass(slots=True, eq=False)
class _Item:
    """An envelope that waits, and who waits for it."""

    envelope: Envelope
    done: asyncio.Future[Outcome]  # cancelled: withdrawn before its text began to leave
    opening: Opening = NOTHING
    tries: int = 0

    def settle(self, outcome: Outcome) -> None:
        if not self.done.done():
            self.done.set_result(outcome)


class SmtpTransport:
    """Up to `connections` sessions with one relay, opened as work comes and reused. Close it at the end."""

    def __init__(
        self,
        relay: Relay,
        *,
        connections: int = 4,
        rate: float | None = None,
        hostname: str | None = None,
        check_certificates: ssl.SSLContext | None = None,
    ) -> None:
        """`rate`: messages a second; `hostname`: ours in EHLO; `check_certificates`: whom to trust."""
        self.relay = relay
        self.connections = connections
        self.rate = rate
        self.carries_utf8: bool | None = None  # by the last EHLO
        self._hostname = hostname
        self._context = check_certificates
        self._waiting: deque[_Item] = deque()
        self._unsent: set[_Item] = set()  # the text has not begun to leave
        self._idle: deque[asyncio.Future[None]] = deque()
        self._carriers: set[asyncio.Task[None]] = set()
        self.allowed = connections  # what the relay turned out to take
        self._closing = False

    @property
    def name(self) -> str:
        """The relay, without user and password."""
        return self.relay.name

    @property
    def concurrency(self) -> int:
        """How many messages may be on their way: one a connection."""
        return self.connections

    def send(self, envelope: Envelope) -> asyncio.Future[Outcome]:
        """Hand one message over; reserved addresses are refused before any connection."""
        item = _Item(envelope, asyncio.get_running_loop().create_future())
        if reason := reserved(envelope.recipient.rpartition("@")[2]):
            item.settle(Outcome(verdict=Verdict.REFUSED, stage="address", reply=reason))
            return item.done
        self._waiting.append(item)
        self._unsent.add(item)
        self._call_carrier()
        return item.done

    def withdraw(self) -> None:
        """Take back every message whose text has not begun to leave: its future is cancelled."""
        self._waiting.clear()
        for item in self._unsent:
            item.done.cancel()
        self._unsent.clear()

    def _call_carrier(self) -> None:
        while self._idle:
            if _wake(self._idle.popleft()):
                return
        if len(self._carriers) < self.allowed:
            self._carriers.add(asyncio.create_task(self._carry()))

    async def close(self) -> None:
        """Say goodbye on every connection; who does not answer is cut off."""
        self._closing = True
        while self._idle:
            _wake(self._idle.popleft())
        if self._carriers:
            _, late = await asyncio.wait(self._carriers, timeout=IDLE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _carry(self) -> None:
        """One carrier: session after session, until there is nothing to carry or no session to be had.

        It takes itself off the list in the moment in which it ends, so that nobody counts on it any more.
        """
        own = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            while await self._work():
                await self._one_session()
        except Unavailable as error:
            self._carriers.discard(own)
            if self._carriers:  # the relay may allow fewer connections: the others go on
                self.allowed = len(self._carriers)
                log.info("smtp.fewer_connections", relay=self.relay.name, connections=self.allowed)
            else:
                self._give_up(error.outcome)
        except Exception as error:
            log.exception("smtp.broken", relay=self.relay.name)
            self._give_up(Outcome(verdict=Verdict.UNAVAILABLE, stage="connect", reply=repr(error)))
        finally:
            self._carriers.discard(own)

    def _give_up(self, outcome: Outcome) -> None:
        self.allowed = self.connections  # a server that takes none has not told how many it takes
        while self._waiting:
            self._settle(self._waiting.popleft(), outcome)

    def _settle(self, item: _Item, outcome: Outcome) -> None:
        self._unsent.discard(item)
        item.settle(outcome)

    async def _one_session(self) -> None:
        session = await connect(self.relay, hostname=self._hostname, context=self._context)
        self.carries_utf8 = "smtputf8" in session.extensions
        try:
            await self._converse(session)
            await session.quit()
        finally:
            session.close()

    async def _work(self) -> bool:
        """True as soon as something waits; False after a while without, or when we close."""
        loop = asyncio.get_running_loop()
        until = loop.time() + IDLE_SECONDS
        while not self._waiting and not self._closing and loop.time() < until:
            waiter: asyncio.Future[None] = loop.create_future()
            self._idle.append(waiter)
            alarm = loop.call_at(until, _wake, waiter)
            await waiter
            alarm.cancel()
        return bool(self._waiting)

    async def _converse(self, session: Conversation) -> None:
        """Carry what waits over one session, until it ends, is full or has nothing to do."""
        while session.is_open and session.messages < MESSAGES_A_CONNECTION and await self._work():
            if session.spoke_unasked:  # 421, most likely: it was idle for too long
                session.close()
            item = self._next(session) if session.is_open else None
            if item is not None:
                session.write(_ahead(session, item))
            while item is not None:
                item = await self._carry_one(session, item)

    def _next(self, session: Conversation) -> _Item | None:
        """The next item that can be written; those that cannot are settled on the way."""
        while self._waiting:
            item = self._waiting.popleft()
            try:
                item.opening = opening(item.envelope, session.extensions)
                return item
            except ValueError as error:
                self._settle(item, Outcome(verdict=Verdict.REFUSED, stage="address", reply=str(error)))
        return None

    def _follower(self, session: Conversation) -> _Item | None:
        """The item whose commands may ride behind the present body."""
        if not session.pipelines or session.messages >= MESSAGES_A_CONNECTION:
            return None
        return self._next(session)

    async def _carry_one(self, session: Conversation, item: _Item) -> _Item | None:
        """Bring one message to its outcome; gives the next one, if its commands are already on their way."""
        try:
            outcome = await open_transaction(session, item.opening)
            if outcome is None and (not session.is_open or session.spoke_unasked):
                raise Lost("the connection ended before the message was sent")
        except Lost as error:
            self._lost(session, item, error)
            return None
        if item.done.cancelled():  # withdrawn: without its text the transaction comes to nothing
            session.close()
            return None
        if outcome is not None and outcome.code == 421 and session.messages and outcome.stage in _BETWEEN:
            session.close()  # enough messages for this session, it says: a fresh one takes more
            self._again(item)
            return None
        if outcome is not None:
            self._judged(session, item, outcome)
            return None
        return await self._carry_text(session, item)

    async def _carry_text(self, session: Conversation, item: _Item) -> _Item | None:
        """From here on, without an answer nobody knows whether the server has the message."""
        session.messages += 1
        self._unsent.discard(item)
        follower = self._follower(session)
        session.write(stuffed(item.envelope.raw), b".\r\n", _ahead(session, follower))
        try:
            self._judged(session, item, judge("dot", await session.reply("dot")))
        except Lost as error:
            item.settle(Outcome(verdict=Verdict.UNKNOWN, stage="dot", reply=printable(str(error))))
            session.close()
        if follower and not session.is_open:
            self._again(follower)
            return None
        return follower

    def _judged(self, session: Conversation, item: _Item, outcome: Outcome) -> None:
        """421 means that the server ends the session (RFC 5321 4.2.2)."""
        if outcome.code == 421:
            session.close()
        self._settle(item, outcome)

    def _lost(self, session: Conversation, item: _Item, error: Lost) -> None:
        """Before the final dot nothing was accepted: once more on a fresh connection, then later."""
        session.close()
        if item.tries == 0:
            item.tries = 1
            self._again(item)
        else:
            reply = printable(str(error))
            self._settle(item, Outcome(verdict=Verdict.DEFERRED, stage=session.stage, reply=reply))

    def _again(self, item: _Item) -> None:
        """Back to the head of those that wait, unless it was withdrawn meanwhile."""
        if not item.done.done():
            self._waiting.appendleft(item)


def _wake(waiter: asyncio.Future[None]) -> bool:
    if waiter.done():
        return False
    waiter.set_result(None)
    return True


def _ahead(session: Conversation, item: _Item | None) -> bytes:
    """Commands that may be written before their turn."""
    return item.opening.ahead(session) if item else b""
