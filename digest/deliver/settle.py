"""What an outcome makes of a delivery. Pure: values in, a value out; the time is an argument.

Rules: RFC 5321 4.2.1 and 4.5.4.1 (replies, retrying), RFC 3463 (enhanced codes), RFC 6647 (greylisting).
"""

import hashlib
from datetime import datetime, timedelta

from digest.models import Delivery, DeliveryState, Outcome, Verdict

#: A refusal for now is retried after 30 minutes, then twice as late each time, at most every 8 hours.
FIRST_DELAY = timedelta(minutes=30)
LONGEST_DELAY = timedelta(hours=8)

#: Without any transport (our own relay is down) the next try is sooner.
UNAVAILABLE_DELAY = timedelta(minutes=1)
UNAVAILABLE_LONGEST = timedelta(minutes=30)

#: RFC 5321 4.5.4.1: give up after at least 4 days.
GIVE_UP_AFTER = timedelta(days=4)

#: Lasting refusals without an enhanced code: at these stages 550, 551 and 553 most often mean that there is
#: no such mailbox, 552 that it is full (RFC 5321 4.2.3), and 554 that the message is not wanted.
_ABOUT_THE_MAILBOX = {("rcpt", 550), ("rcpt", 551), ("rcpt", 553), ("dot", 552)}
_ABOUT_THE_MESSAGE = {("data", 554), ("dot", 554)}

_FINAL = {
    Verdict.ACCEPTED: DeliveryState.SENT,
    Verdict.REFUSED: DeliveryState.FAILED,
    Verdict.UNKNOWN: DeliveryState.UNCERTAIN,
}


def settle(delivery: Delivery, outcome: Outcome, now: datetime) -> Delivery:
    """The delivery after one attempt: final, or due again later."""
    if state := _FINAL.get(outcome.verdict):
        return delivery._replace(state=state, reply=explain(outcome), settled_at=now, leased_until=None)
    return _again(delivery, outcome, now)


def _again(delivery: Delivery, outcome: Outcome, now: datetime) -> Delivery:
    due_at = now + delay(delivery.id, delivery.attempts, unavailable=outcome.verdict is Verdict.UNAVAILABLE)
    settled = delivery._replace(reply=explain(outcome), leased_until=None)
    if due_at > delivery.created_at + GIVE_UP_AFTER:
        reply = f"given up after {GIVE_UP_AFTER.days} days: {settled.reply}"
        return settled._replace(state=DeliveryState.EXPIRED, reply=reply, settled_at=now)
    return settled._replace(state=DeliveryState.DEFERRED, due_at=due_at)


def delay(number: int, attempts: int, *, unavailable: bool = False) -> timedelta:
    """How long to wait after attempt `attempts` (from 1), doubling, with up to 20 % of jitter.

    The jitter follows from the delivery's number, so that a thousand deferred together come back spread
    out and the function stays pure.
    """
    first, longest = (UNAVAILABLE_DELAY, UNAVAILABLE_LONGEST) if unavailable else (FIRST_DELAY, LONGEST_DELAY)
    doubled: timedelta = first * 2 ** min(max(attempts - 1, 0), 16)
    spread = hashlib.sha256(f"{number}/{attempts}".encode()).digest()[0] / 255
    return min(doubled, longest) * (1 + 0.2 * spread)


def is_dead_address(outcome: Outcome) -> bool:
    """True if the server says that the address itself is bad: only this may stop a reader at the first time.

    RFC 3463: 5.1.x is about the address; of these 5.1.7 and 5.1.8 blame the sender's. 5.2.x (full mailbox),
    5.3 to 5.6 and 5.7 (policy, reputation) are no fault of the reader.
    """
    if outcome.verdict is not Verdict.REFUSED or not outcome.enhanced:
        return False
    return outcome.enhanced.startswith("5.1.") and outcome.enhanced not in ("5.1.7", "5.1.8", "5.1.9")


def is_soft_bounce(outcome: Outcome) -> bool:
    """True if a lasting refusal speaks against the mailbox, though one alone proves nothing.

    RFC 3463: 5.2.x is about the mailbox: full, disabled, too small for this.
    """
    if outcome.verdict is not Verdict.REFUSED:
        return False
    if outcome.enhanced:
        return outcome.enhanced.startswith("5.2.")
    return (outcome.stage, outcome.code) in _ABOUT_THE_MAILBOX


def is_policy(outcome: Outcome) -> bool:
    """True if a refusal is about us (reputation, content, authentication): the operator must look at it."""
    if outcome.verdict is not Verdict.REFUSED:
        return False
    if outcome.enhanced:
        return outcome.enhanced.startswith(("5.7.", "5.3.", "5.4.", "5.5.", "5.6."))
    return (outcome.stage, outcome.code) in _ABOUT_THE_MESSAGE


def is_throttled(outcome: Outcome) -> bool:
    """True if it is refused for now for policy: too many mails, greylisting, a poor reputation today."""
    return outcome.verdict is Verdict.DEFERRED and (outcome.enhanced or "").startswith("4.7.")


def explain(outcome: Outcome) -> str:
    """The server's words for the ledger; for anything but success with the stage before them."""
    words = f"{outcome.code or ''} {outcome.reply.strip()}".strip()
    return words if outcome.verdict is Verdict.ACCEPTED else f"{outcome.stage}: {words}"
