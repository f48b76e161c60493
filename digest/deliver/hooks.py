"""Events of mail providers' webhooks as readings: a generic form, and those of SES and Postmark. Pure.

Generic: `{"event": "bounce" | "complaint", "message_id": "<…>", "status": "5.1.1", "id": "…"}`, signed by
`X-Digest-Signature: sha256=HEX` (HMAC-SHA-256 of the body with DIGEST_WEBHOOK_SECRET). The forms of SES and
Postmark cannot be signed so: their address carries the secret instead, and the front compares it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from digest.deliver.bounce import Kind, Reading, hardness


def is_signed(body: bytes, header: str, secret: str) -> bool:
    """True if the signature is that of this body; compared in constant time."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(header.strip().lower().encode(), f"sha256={expected}".encode())


def readings(body: bytes) -> list[Reading]:
    """What the events in a body say; none for unknown shapes. Raises ValueError for no JSON object."""
    event = json.loads(body)
    if not isinstance(event, dict):
        raise ValueError("the body is no JSON object")
    if event.get("Type") == "Notification" and isinstance(event.get("Message"), str):  # SES behind SNS
        event = json.loads(event["Message"])
    for shape in (_generic, _ses, _postmark):
        if found := shape(event, hashlib.sha256(body).hexdigest()):
            return [found]
    return []


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


def _ses(event: Mapping[str, Any], key: str) -> Reading | None:
    """Amazon SES: notificationType or eventType Bounce | Complaint; our Message-ID is in commonHeaders."""
    what = event.get("notificationType") or event.get("eventType")
    if what not in ("Bounce", "Complaint"):
        return None
    mail = _object(event, "mail")
    bounce = _object(event, "bounce")
    status = next(
        (str(one.get("status", "")) for one in bounce.get("bouncedRecipients", []) if isinstance(one, dict)),
        "",
    )
    dead = bounce.get("bounceType") == "Permanent" and (
        bounce.get("bounceSubType") == "NoEmail" or hardness(status) is Kind.HARD
    )
    return Reading(
        kind=Kind.COMPLAINT if what == "Complaint" else Kind.HARD if dead else Kind.SOFT,
        key=_key(bounce.get("feedbackId") or _object(event, "complaint").get("feedbackId"), key),
        message_id=_bracketed(_object(mail, "commonHeaders").get("messageId")),
        status=status[:20],
    )


def _postmark(event: Mapping[str, Any], key: str) -> Reading | None:
    """Postmark: RecordType Bounce | SpamComplaint; our Message-ID comes back in the Metadata."""
    what = event.get("RecordType")
    if what not in ("Bounce", "SpamComplaint"):
        return None
    hard = event.get("Type") in ("HardBounce", "BadEmailAddress")
    return Reading(
        kind=Kind.COMPLAINT if what == "SpamComplaint" else Kind.HARD if hard else Kind.SOFT,
        key=_key(event.get("ID"), key),
        message_id=_bracketed(_object(event, "Metadata").get("message-id")),
        detail=str(event.get("Description", ""))[:300],
    )


def _object(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _bracketed(value: object) -> str | None:
    text = str(value or "").strip("<> ")
    return f"<{text}>" if text else None


def _key(name: object, otherwise: str) -> str:
    """The provider's own number of the event, so that a second try of the hook counts once."""
    return hashlib.sha256(f"event:{name}".encode()).hexdigest() if name else otherwise
