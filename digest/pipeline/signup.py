"""Double opt-in: a form is written down, a letter asks the address, a press on its page makes it active.

form ─ask→ row ─answer→ letter in the outbox ─press→ consent, active reader, first issue

The form's answer is given after the row was written and before anything is looked up: it is the same,
after the same time, for new, waiting, active and suppressed addresses (mail.md requirement 38).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import DeliveryKind, Subscriber, SubscriberStatus
from digest.pipeline import wishes
from digest.pipeline.intake import first_issue_at
from digest.storage import asks, counters, subscribers, suppressions
from digest.storage.asks import Ask
from digest.storage.database import Database

log = structlog.get_logger()

#: Who has not confirmed by then is deleted.
PENDING_FOR = timedelta(days=7)

#: Reasons of suppression that a fresh double opt-in does not lift.
FINAL = ("hard bounce", "complaint", "refused")

_BATCH = 200
_READS = (SubscriberStatus.ACTIVE, SubscriberStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many asks are taken, and how many letters leave for them (mail.md requirements 39 and 41)."""

    network_hour: int = 30
    address_hour: int = 1
    address_day: int = 3
    letters_hour: int = 1000  # of all addresses together: above it somebody floods the forms
    proof_bits: int = 0  # of the computation that a browser does for a sign-up; 0: none, no script needed
    previews_minute: int = 90  # new rankings (those that are not cached) for one network
    searches_minute: int = 90  # likewise


LIMITS = Limits()


class Confirmed(StrEnum):
    """What a press on the page of the letter came to."""

    ACTIVE = "active"  # from now on
    ALREADY = "already"
    GONE = "gone"  # the ask has expired, or the reader left since
    REFUSED = "refused"  # this address is not mailed


async def ask(
    conn: AsyncConnection,
    kind: str,
    email: str,
    *,
    wished: Mapping[str, Any] | None,
    network: str,
    now: datetime,
    limits: Limits = LIMITS,
) -> bool:
    """Write a form down; False if this network has sent too many. Knows nothing of the address."""
    bucket = f"asks {network}"
    if await counters.within(conn, bucket, now, 0) >= limits.network_hour:
        return False
    await counters.add(conn, [bucket], now)
    await asks.record(conn, kind, email, wishes=wished, network=network, now=now)
    return True


async def answer_asks(db: Database, now: datetime, limits: Limits = LIMITS) -> int:
    """Decide the letter of every ask that waits; how many letters there are now in the outbox."""
    letters = 0
    async with db.read() as conn:
        if not await asks.waits(conn):
            return 0
    while True:
        async with db.write() as conn:
            waiting = await asks.unanswered(conn, _BATCH)
            for one in waiting:
                what = await _answer(conn, one, now, limits)
                await asks.answer(conn, one.id, what, now)
                letters += what in _LETTERS
        if len(waiting) < _BATCH:
            return letters


_LETTERS = ("confirm", "already", "link")


async def _answer(conn: AsyncConnection, one: Ask, now: datetime, limits: Limits) -> str:
    """Which letter one ask gets, or why it gets none."""
    if one.email is None:
        return "expired"
    if await suppressions.suppressed_for(conn, one.email) in FINAL:
        return "suppressed"
    if refusal := await _limited(conn, one, now, limits):
        return refusal
    known = await subscribers.by_email(conn, one.email)
    if known and known.status is SubscriberStatus.SUPPRESSED:
        return "suppressed"
    if known and known.status in _READS:
        letter = "already" if one.kind == "signup" else "link"
        await _post(conn, letter, known.email, DeliveryKind.NOTICE, now, None, known.id)
    elif one.kind == "signup":
        letter = "confirm"
        pending = known.id if known else await _add_pending(conn, one, now)
        await _post(conn, letter, one.email, DeliveryKind.CONFIRMATION, now, one.id, pending)
    else:
        return "unknown"
    await counters.add(conn, [f"letters {one.address_hash}", "letters"], now)
    return letter


async def _limited(conn: AsyncConnection, one: Ask, now: datetime, limits: Limits) -> str | None:
    mine = f"letters {one.address_hash}"
    if await counters.within(conn, mine, now, 1) >= limits.address_hour:
        return "limited"
    if await counters.within(conn, mine, now, 24) >= limits.address_day:
        return "limited"
    if await counters.within(conn, "letters", now, 0) >= limits.letters_hour:
        log.error("signup.flood", letters_hour=limits.letters_hour)
        return "flood"
    return None


async def _post(
    conn: AsyncConnection,
    letter: str,
    email: str,
    kind: DeliveryKind,
    now: datetime,
    about: int | None,
    subscriber_id: int,
) -> None:
    await asks.post(conn, letter, email, kind=kind, now=now, about=about, subscriber_id=subscriber_id)


async def _add_pending(conn: AsyncConnection, one: Ask, now: datetime) -> int:
    reader = wishes.from_json(one.email or "", one.wishes or {})
    return await subscribers.add(conn, replace(reader, status=SubscriberStatus.PENDING), now=now)


async def confirm(
    db: Database, ask_id: int, *, network: str, now: datetime
) -> tuple[Confirmed, Subscriber | None]:
    """The press on the page of the letter. A second press changes nothing, also after the reader has left."""
    async with db.write() as conn:
        one = await asks.by_id(conn, ask_id)
        if one is None or one.email is None or one.wishes is None:
            return Confirmed.GONE, None
        known = await subscribers.by_email(conn, one.email)
        if refusal := await _refusal(conn, one, known):
            return refusal, known
        reader = await _activate(conn, one, known, now)
        await asks.confirm(conn, one.id, reader.id, now)
        await asks.consent(conn, "confirmed", one.address_hash, network=network, now=now, ask_id=one.id)
    return Confirmed.ACTIVE, reader


async def _refusal(conn: AsyncConnection, one: Ask, known: Subscriber | None) -> Confirmed | None:
    """Why a press does not make the address active."""
    reason = await suppressions.suppressed_for(conn, one.email or "")
    if reason in FINAL or (known and known.status is SubscriberStatus.SUPPRESSED and reason != "forgotten"):
        return Confirmed.REFUSED
    if known and known.status in _READS:
        return Confirmed.ALREADY
    for event in ("unsubscribed", "forgotten"):
        left_at = await asks.last_consent(conn, one.address_hash, event)
        if left_at and left_at >= one.asked_at:
            return Confirmed.GONE
    return Confirmed.GONE if one.confirmed_at else None


async def _activate(conn: AsyncConnection, one: Ask, known: Subscriber | None, now: datetime) -> Subscriber:
    """The wishes of the ask over what was there; the window begins anew, seven days back."""
    assert one.email is not None
    assert one.wishes is not None
    wished = wishes.from_json(one.email, one.wishes)
    due_at = first_issue_at(wished, now, welcome=bool(one.wishes.get("welcome", True)))
    reader_id = known.id if known else await subscribers.add(conn, wished, now=now)
    active = replace(wished, id=reader_id, status=SubscriberStatus.ACTIVE, next_issue_at=due_at)
    await subscribers.change(conn, active)
    await subscribers.move_on(conn, [{"b_id": reader_id, "next_issue_at": due_at, "last_pass": None}])
    await suppressions.revive(conn, one.email)
    found = await subscribers.by_ids(conn, [reader_id])
    return found[reader_id]


async def refuse(db: Database, ask_id: int, *, network: str, now: datetime) -> None:
    """The owner of the address wants no letter at all: suppressed, and only the operator lifts that."""
    async with db.write() as conn:
        one = await asks.by_id(conn, ask_id)
        if one is None or one.email is None:
            return
        known = await subscribers.by_email(conn, one.email)
        if known and known.status in _READS:
            return  # a reader leaves by the link in the mails; a sign-up form cannot take that away
        await suppressions.suppress(conn, one.email, "refused", now)
        if known:
            await subscribers.remove(conn, known.id)
        await asks.erase(conn, one.email)
        await asks.consent(conn, "refused", one.address_hash, network=network, now=now, ask_id=one.id)


async def again(
    conn: AsyncConnection, ask_id: int, *, network: str, now: datetime, limits: Limits = LIMITS
) -> bool:
    """Ask once more for what an expired link was for; False if this network has sent too many."""
    one = await asks.by_id(conn, ask_id)
    if one is None or one.email is None or one.wishes is None:
        return True
    return await ask(conn, one.kind, one.email, wished=one.wishes, network=network, now=now, limits=limits)


async def tidy(db: Database, now: datetime) -> None:
    """Delete who never confirmed, forget what was typed, drop old counters. For the clean-up tick."""
    async with db.write() as conn:
        await asks.expire(conn, now - PENDING_FOR)
        await counters.forget(conn, now)
