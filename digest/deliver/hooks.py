"""Events of mail providers' webhooks as readings: a generic form, and those of SES and Postmark. Pure.

How an event names our message: SES repeats the envelope sender (our signed return path) and, if it is told to
include headers, our Message-ID; Postmark gives back what `returned_field` put into the message.

Generic: `{"event": "bounce" | "complaint", "message_id": "<…>", "status": "5.1.1", "id": "…"}`, signed by
`X-Digest-Signature: sha256=HEX` (HMAC-SHA-256 of the body with DIGEST_WEBHOOK_SECRET). The forms of SES and
Postmark cannot be signed so: their address carries the secret instead, and the front compares it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from digest.deliver import verp
from digest.deliver.bounce import Kind, Reading, hardness

#: SES knows the address as one that takes no mail.
_DEAD = ("NoEmail", "Suppressed", "OnAccountSuppressionList")

#: Types of Postmark that say something about the address, and those that are answers of machines and people.
_HARD = ("HardBounce", "BadEmailAddress")
_NO_BOUNCE = ("AutoResponder", "AddressChange", "ChallengeVerification", "Subscribe", "OpenRelayTest")

#: Why Postmark sends nothing more to an address (its broadcast streams tell no bounces, only this).
_STOPPED = {"HardBounce": Kind.HARD, "SpamComplaint": Kind.COMPLAINT, "ManualSuppression": Kind.COMPLAINT}


def returned_field(host: str, message_id: str) -> bytes:
    """A header line that a provider gives back in its events; empty for those that need none.

    Postmark drops the field before the message leaves, and takes 80 characters, so the domain is left out.
    """
    if not f".{host}".lower().endswith(".postmarkapp.com"):
        return b""
    return f"X-PM-Metadata-message-id: {message_id.strip('<>').partition('@')[0]}\r\n".encode()


def is_signed(body: bytes, header: str, secret: str) -> bool:
    """True if the signature is that of this body; compared in constant time."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(header.strip().lower().encode(), f"sha256={expected}".encode())


def readings(body: bytes, keys: Sequence[str]) -> list[Reading]:
    """What the events in a body say; none for unknown shapes. Raises ValueError for no JSON object.

    `keys` are those of the signed return paths.
    """
    event = _event(body)
    if event.get("Type") == "Notification" and isinstance(event.get("Message"), str):  # SES behind SNS
        event = _event(event["Message"])
    key = hashlib.sha256(body).hexdigest()
    found = _generic(event, key) or _ses(event, key, keys) or _postmark(event, key)
    return [found] if found else []


def confirmation(body: bytes) -> str | None:
    """The address that confirms a new subscription of SNS; an operator opens it, once."""
    event = _event(body)
    url = event.get("SubscribeURL") if event.get("Type") == "SubscriptionConfirmation" else None
    return url if isinstance(url, str) else None


def _event(body: bytes | str) -> Mapping[str, Any]:
    event = json.loads(body)
    if not isinstance(event, dict):
        raise ValueError("the body is no JSON object")
    return event


def _generic(event: Mapping[str, Any], key: str) -> Reading | None:
    kind = {"bounce": Kind.SOFT, "complaint": Kind.COMPLAINT}.get(str(event.get("event")))
    if kind is None:
        return None
    status = str(event.get("status", ""))
    return Reading(
        kind=hardness(status) if kind is Kind.SOFT else kind,
        key=_key(event.get("id"), key),
        message_id=_bracketed(event.get("message_id")),
        status=status[:20],
        detail=str(event.get("detail", ""))[:300],
    )


def _ses(event: Mapping[str, Any], key: str, keys: Sequence[str]) -> Reading | None:
    """Amazon SES: notificationType or eventType Bounce | Complaint."""
    what = event.get("notificationType") or event.get("eventType")
    if what not in ("Bounce", "Complaint"):
        return None
    mail, bounce, complaint = (_object(event, name) for name in ("mail", "bounce", "complaint"))
    recipients = [one for one in _list(bounce, "bouncedRecipients") if isinstance(one, dict)]
    status = str(recipients[0].get("status", "")) if recipients else ""
    kind = _ses_bounce(bounce, status) if what == "Bounce" else _ses_complaint(complaint)
    return Reading(
        kind=kind,
        key=_key(bounce.get("feedbackId") or complaint.get("feedbackId"), key),
        delivery_id=verp.read(str(mail.get("source", "")), keys),
        message_id=_bracketed(_ses_message_id(mail)),
        status=status[:20],
    )


def _ses_bounce(bounce: Mapping[str, Any], status: str) -> Kind:
    dead = bounce.get("bounceSubType") in _DEAD or hardness(status) is Kind.HARD
    return Kind.HARD if bounce.get("bounceType") == "Permanent" and dead else Kind.SOFT


def _ses_complaint(complaint: Mapping[str, Any]) -> Kind:
    """ "Not spam" is what a reader says who takes our mail out of the spam folder."""
    return Kind.AUTO_REPLY if complaint.get("complaintFeedbackType") == "not-spam" else Kind.COMPLAINT


def _ses_message_id(mail: Mapping[str, Any]) -> object:
    """Ours, not the one that SES puts in its place: `messageId` of `mail` itself is theirs."""
    if found := _object(mail, "commonHeaders").get("messageId"):
        return found
    headers = (one for one in _list(mail, "headers") if isinstance(one, dict))
    return next((one.get("value") for one in headers if str(one.get("name")).lower() == "message-id"), None)


def _postmark(event: Mapping[str, Any], key: str) -> Reading | None:
    """Postmark: RecordType Bounce | SpamComplaint | SubscriptionChange."""
    kind = _postmark_kind(event)
    if kind is None:
        return None
    return Reading(
        kind=kind,
        key=_key(event.get("ID"), key),
        message_id=_bracketed(_object(event, "Metadata").get("message-id")),
        detail=str(event.get("Description", ""))[:300],
    )


def _postmark_kind(event: Mapping[str, Any]) -> Kind | None:
    what, type_ = event.get("RecordType"), event.get("Type")
    if what == "SubscriptionChange":
        return _STOPPED.get(str(event.get("SuppressionReason"))) if event.get("SuppressSending") else None
    if what == "SpamComplaint" or (what == "Bounce" and type_ in ("SpamComplaint", "Unsubscribe")):
        return Kind.COMPLAINT
    if what != "Bounce":
        return None
    if type_ == "Transient":  # it is tried again
        return Kind.DELAYED
    return Kind.HARD if type_ in _HARD else Kind.AUTO_REPLY if type_ in _NO_BOUNCE else Kind.SOFT


def _object(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _list(event: Mapping[str, Any], name: str) -> list[Any]:
    found = event.get(name)
    return found if isinstance(found, list) else []


def _bracketed(value: object) -> str | None:
    text = str(value or "").strip("<> ")
    return f"<{text}>" if text else None


def _key(name: object, otherwise: str) -> str:
    """The provider's own number of the event, so that a second try of the hook counts once."""
    return hashlib.sha256(f"event:{name}".encode()).hexdigest() if name else otherwise
