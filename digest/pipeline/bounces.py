"""The intake: a mail or an event comes in, what it means is committed, only then may it leave the mailbox.

raw ─read→ reading ─find→ delivery ─record, score→ suppressed, unsubscribed, or nothing     one transaction
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.compose.probe import is_probe
from digest.deliver import bounce
from digest.deliver.bounce import Kind, Reading
from digest.deliver.lmtp import listen, parse_listen
from digest.deliver.mailbox import Inbox, opened
from digest.deliver.score import SOFT, STALE_AFTER, STAYED_AFTER, verdict
from digest.errors import SendError, StorageError
from digest.models import Delivery, DeliveryKind, SubscriberStatus
from digest.pipeline import leaving
from digest.storage import asks, bounces, subscribers
from digest.storage.database import Database, chunks
from digest.storage.outbox import PROBE
from digest.storage.suppressions import address_hash, suppress

#: Longer mails are no bounces of ours; their end is cut off before they are read.
LONGEST = 1_000_000

_COUNTED = (Kind.HARD, Kind.SOFT, Kind.COMPLAINT)

log = structlog.get_logger()


class Taken(StrEnum):
    """What became of a mail."""

    RECORDED = "recorded"
    SUPPRESSED = "suppressed"  # recorded, and the address gets nothing more
    UNSUBSCRIBED = "unsubscribed"
    IGNORED = "ignored"  # an auto-reply, a delay, or a mail that was taken before
    UNKNOWN = "unknown"  # kept for a person


async def take_mail(db: Database, raw: bytes, *, keys: Sequence[str], now: datetime) -> Taken:
    """Read one mail and commit what it means; twice changes nothing. Raises StorageError."""
    return await take(db, bounce.read(raw[:LONGEST], keys), now=now)


async def _take_any(db: Database, raw: bytes, *, keys: Sequence[str], now: datetime) -> Taken:
    """`take_mail`, but one mail that we stumble over is unknown and stops no other."""
    try:
        return await take_mail(db, raw, keys=keys, now=now)
    except (StorageError, SendError):
        raise
    except Exception:
        log.exception("bounce.broken")
        return Taken.UNKNOWN


async def take(db: Database, reading: Reading, *, now: datetime) -> Taken:
    """Commit what a reading means."""
    if reading.kind is Kind.UNSUBSCRIBE and reading.token:
        await leaving.unsubscribe(db, reading.token, network="mail", now=now)
        return Taken.UNSUBSCRIBED
    if reading.kind in (Kind.DELAYED, Kind.AUTO_REPLY):
        return Taken.IGNORED
    async with db.write() as conn:
        taken = await _record(conn, reading, now)
    log.info("bounce.taken", kind=reading.kind.value, status=reading.status, became=taken.value)
    return taken


async def _record(conn: AsyncConnection, reading: Reading, now: datetime) -> Taken:
    """A reading without a true signature or a Message-ID of ours may be anybody's: it changes nothing."""
    if await bounces.is_known(conn, reading.key):
        return Taken.IGNORED
    found = await bounces.find(conn, reading.delivery_id, reading.message_id)
    if found is None or reading.kind not in _COUNTED:
        return Taken.UNKNOWN
    delivery, hashed = found
    await bounces.record(
        conn, delivery, hashed, key=reading.key, kind=reading.kind, status=reading.status, now=now
    )
    return await _weigh(conn, delivery, hashed, now)


async def weigh(db: Database, refused: Sequence[Delivery], now: datetime, *, sure: bool) -> None:
    """What servers said at once against these addresses is recorded: do they get anything more?

    Unless it is `sure` that the fault is not ours, nobody is stopped by what was said today alone.
    """
    for few in chunks(refused, 100):
        async with db.write() as conn:
            for delivery in few:
                await _weigh(conn, delivery, address_hash(delivery.email), now, sure=sure)


async def _weigh(
    conn: AsyncConnection, delivery: Delivery, hashed: str, now: datetime, *, sure: bool = True
) -> Taken:
    """The address is asked, or suppressed, if its bounces mean that."""
    reason = await _score(conn, hashed, now, sure)
    if reason is None or (reason == SOFT and await _is_asked(conn, delivery, hashed, now)):
        return Taken.RECORDED
    await suppress(conn, delivery.email, reason, now)
    return Taken.SUPPRESSED


async def _is_asked(conn: AsyncConnection, delivery: Delivery, address_hash: str, now: datetime) -> bool:
    """Before soft bounces stop a reader, one letter asks; False once that letter, or a later mail, came back.

    Who left, or waits, is not written to.
    """
    asked = await bounces.asked_at(conn, address_hash, PROBE, now - STALE_AFTER)
    if asked is not None:
        return delivery.created_at < asked
    reader = (await subscribers.by_ids(conn, [delivery.subscriber_id or 0])).get(delivery.subscriber_id or 0)
    if reader is None:
        return False
    if reader.status is SubscriberStatus.ACTIVE:
        await asks.post(
            conn, PROBE, delivery.email, kind=DeliveryKind.NOTICE, now=now, subscriber_id=reader.id
        )
    return True


async def _score(conn: AsyncConnection, address_hash: str, now: datetime, sure: bool) -> str | None:
    history = [(Kind(kind), at) for kind, at in await bounces.history(conn, address_hash)]
    stayed = await bounces.stayed(conn, address_hash, now - STAYED_AFTER)
    ever = not sure or await bounces.stayed(conn, address_hash, now) is not None
    return verdict(history, stayed_at=stayed, ever_stayed=ever)


@dataclass(frozen=True, slots=True)
class BounceReport:
    """Counts of one pass over the mailbox, by what became of the mails."""

    counts: Mapping[Taken, int]

    def to_json(self) -> dict[str, int]:
        """Every word, with its number."""
        return {taken.value: self.counts.get(taken, 0) for taken in Taken}


async def read_inbox(
    db: Database, inbox: Inbox, *, keys: Sequence[str], clock: Callable[[], datetime]
) -> BounceReport:
    """One pass over the bounce mailbox: commit, then remove; unknown mails move to a folder of their own.

    Raises SendError for the mailbox, StorageError for the database; what was committed stays so, and a mail
    that is still there is ignored the next time.
    """
    counts: Counter[Taken] = Counter()
    async with opened(inbox) as mailbox:
        async for number, raw in mailbox.mails():
            if is_probe(raw):  # `digest doctor` waits for it
                continue
            taken = await _take_any(db, raw, keys=keys, now=clock())
            counts[taken] += 1
            await (mailbox.keep(number) if taken is Taken.UNKNOWN else mailbox.remove(number))
    return BounceReport(counts)


async def listen_lmtp(
    db: Database, where: str, *, keys: Sequence[str], clock: Callable[[], datetime]
) -> asyncio.Server:
    """Take bounces over LMTP; the server is told "taken" after the commit. Raises ConfigError."""
    host, port = parse_listen(where)

    async def take_one(raw: bytes, sender: str, recipient: str) -> None:
        whole = f"Return-Path: <{sender}>\r\nX-Original-To: {recipient}\r\n".encode() + raw
        if await _take_any(db, whole, keys=keys, now=clock()) is Taken.UNKNOWN:
            async with db.write() as conn:
                await bounces.keep_stray(conn, hashlib.sha256(raw).hexdigest(), raw[:LONGEST], clock())

    return await listen(host, port, take_one)
