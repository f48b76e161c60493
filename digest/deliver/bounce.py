"""What a mail to our intake says: a bounce, a complaint, an unsubscribe, or nothing that we know. Pure.

Order: the signed return path, RFC 3464 reports (in RFC 6522 envelopes), RFC 5965 complaints, the returned
message's Message-ID, flufl.bounce for the rest. Nothing raises: a mail that cannot be read is UNKNOWN.
"""

import hashlib
import logging
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message as Mail
from email.parser import BytesParser
from email.policy import compat32
from enum import StrEnum

from flufl.bounce import all_failures

from digest.deliver import verp

#: Where the address that a mail came to is written, depending on the server.
_DELIVERED = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "To", "Cc")

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_LEAVE = re.compile(r"^\s*(?:re:\s*)*unsubscribe\s+([\w-]{16,64})\s*$", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"^message-id:\s*(<[^<>\s]{3,200}>)", re.IGNORECASE | re.MULTILINE)


# It tells of its stumbling with a traceback, once a mail.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


class Kind(StrEnum):
    """What a mail to the intake is."""

    HARD = "hard"  # the address does not exist
    SOFT = "soft"  # a full mailbox, a policy, anything that may pass
    COMPLAINT = "complaint"  # "this is spam", said by the reader through the provider
    UNSUBSCRIBE = "unsubscribe"
    DELAYED = "delayed"  # still being tried: never counts
    AUTO_REPLY = "auto-reply"  # on holiday (RFC 3834): never counts
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one mail (or one event of a provider's webhook) says."""

    kind: Kind
    key: str  # of this very mail: taken twice, it counts once
    delivery_id: int | None = None  # from the signed return path
    message_id: str | None = None  # of the mail that came back
    token: str | None = None  # of an unsubscribe
    status: str = ""  # RFC 3463
    detail: str = ""


def read(raw: bytes, keys: Sequence[str]) -> Reading:
    """Read one mail; `keys` are those of the signed return paths."""
    try:
        return _read(BytesParser(policy=compat32).parsebytes(raw), raw, keys)
    except Exception as error:  # mails are hostile, and the parsers of three packages are on this way
        return Reading(kind=Kind.UNKNOWN, key=_key(raw), detail=f"cannot be read: {type(error).__name__}")


def _read(mail: Mail, raw: bytes, keys: Sequence[str]) -> Reading:
    if found := _LEAVE.match(_header(mail, "Subject")):
        return Reading(kind=Kind.UNSUBSCRIBE, key=_key(raw), token=found[1])
    kind, status, detail = _judge(mail)
    return Reading(
        kind=kind,
        key=_key(raw),
        delivery_id=_delivery(mail, raw, keys),
        message_id=_original_id(mail),
        status=status,
        detail=detail[:300],
    )


def _judge(mail: Mail) -> tuple[Kind, str, str]:
    """Kind, enhanced status and the words for the ledger."""
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            return _feedback(part)
        if part.get_content_type() == "message/delivery-status" and (found := _report(part)):
            return found
    automatic = _is_automatic(mail)
    if automatic and not _is_empty_sender(mail):
        return Kind.AUTO_REPLY, "", ""
    temporary, permanent = _failures(mail)
    if permanent:
        return _from_words(mail)
    return (Kind.DELAYED if temporary else Kind.AUTO_REPLY if automatic else Kind.UNKNOWN), "", ""


def _is_automatic(mail: Mail) -> bool:
    """RFC 3834, and what was in use before it. A report says so too, so reports are looked for first."""
    return (
        _header(mail, "Auto-Submitted").lower() not in ("", "no")
        or _header(mail, "Precedence").lower() in ("auto_reply", "auto-reply")
        or any(_header(mail, name) for name in ("X-Autoreply", "X-Autorespond"))
    )


def _feedback(part: Mail) -> tuple[Kind, str, str]:
    """RFC 5965: abuse is what a reader says; not so that our mail is no spam, or that a signature failed."""
    said = " ".join(_header(block, "Feedback-Type") for block in part.walk()).strip().lower()
    if said == "not-spam":
        return Kind.AUTO_REPLY, "", said
    return (
        (Kind.UNKNOWN if said in ("auth-failure", "dmarc") else Kind.COMPLAINT),
        "",
        f"feedback report {said}".strip(),
    )


def _report(part: Mail) -> tuple[Kind, str, str] | None:
    """RFC 3464: the recipient's block says Action, Status (both may have comments) and Diagnostic-Code.

    None if there is no such block.
    """
    blocks = [block for block in _blocks(part) if block.get("Action")]
    failed = [block for block in blocks if _header(block, "Action").lower().startswith("failed")]
    if not failed:
        actions = " ".join(_header(block, "Action") for block in blocks)
        return (Kind.DELAYED, "", actions) if blocks else None
    said = (_STATUS.search(_header(failed[0], name)) for name in ("Status", "Diagnostic-Code"))
    status = next((found[1] for found in said if found), "")
    detail = _header(failed[0], "Diagnostic-Code") or status
    return hardness(status), status, detail


def _blocks(part: Mail) -> list[Mail]:
    """Of a report; some servers wrap it in base64, against RFC 6522."""
    blocks = [block for block in part.walk() if block is not part]
    if _header(part, "Content-Transfer-Encoding").lower() != "base64":
        return blocks
    text = b64decode("".join(str(block.get_payload()) for block in blocks if not block.is_multipart()))
    parse = BytesParser(policy=compat32).parsebytes
    return [parse(block.lstrip(b"\r\n")) for block in re.split(rb"\n\r?\n", text)]


def _failures(mail: Mail) -> tuple[bool, bool]:
    """Does flufl.bounce see a temporary failure, a lasting one? Its readers stumble over odd mails."""
    try:
        temporary, permanent = all_failures(mail)
    except Exception:
        return False, False
    return bool(temporary), bool(permanent)


def _from_words(mail: Mail) -> tuple[Kind, str, str]:
    """No report, but flufl.bounce knows the words of this server."""
    words = " ".join(_texts(mail))[:5000]
    found = _STATUS.search(words)
    status = found[1] if found else ""
    return hardness(status), status, f"recognised by its words {status}".strip()


def hardness(status: str) -> Kind:
    """5.1.x says that the address is bad, but 5.1.7 to 5.1.9 blame ours; the rest may pass (RFC 3463)."""
    bad = status.startswith("5.1.") and status not in ("5.1.7", "5.1.8", "5.1.9")
    return Kind.HARD if bad else Kind.SOFT


def _delivery(mail: Mail, raw: bytes, keys: Sequence[str]) -> int | None:
    """The signed return path: first where the mail was delivered to, then anywhere in it (ARF copies it)."""
    places = "\n".join(str(value) for name in _DELIVERED for value in mail.get_all(name, []))
    found = verp.read(places, keys)
    return found if found is not None else verp.read(raw.decode("latin-1"), keys)


def _original_id(mail: Mail) -> str | None:
    """Message-ID of the mail that came back whole, as headers, or quoted in the text."""
    for part in mail.walk():
        if part.get_content_type() == "message/rfc822" and part.is_multipart():
            return _header(part.get_payload(0), "Message-ID") or None  # type: ignore[arg-type]
    found = _MESSAGE_ID.search("\n".join(_texts(mail)))
    return found[1] if found else None


def _texts(mail: Mail) -> Iterator[str]:
    for part in mail.walk():
        if part.get_content_type() in ("text/plain", "text/rfc822-headers"):
            payload = part.get_payload(decode=True)
            yield payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _is_empty_sender(mail: Mail) -> bool:
    return _header(mail, "Return-Path") == "<>"


def _header(mail: Mail, name: str) -> str:
    return " ".join(str(mail.get(name, "")).split())


def _key(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
