"""The header block: what each field says, how it is written, and the check that it says just that.

Written by hand and not through `email.message`: its policies turn a long List-Unsubscribe into
encoded-words (Gmail then shows no button), and on Python before 3.11.10 a crafted feed title becomes
a real `Bcc:` line (CVE-2024-6923). The standard library reads the result back before it is used.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from itertools import starmap

from email_validator import EmailNotValidError, validate_email

from digest.compose import prose
from digest.errors import SendError

#: Name and value as it stands in the message, ASCII, not yet folded.
Field = tuple[str, str]

#: RFC 5322 2.1.1, without the line end: lines should have 78 characters and must not exceed 998.
PREFERRED, LIMIT = 78, 998

#: Characters of a display name.
NAME = 80

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_NAME = re.compile(r"[!-9;-~]+")
_LINE = re.compile(r"[\x20-\x7e]+")
_PLAIN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?", re.I | re.ASCII)

#: Fields that may hold a mailbox with letters beyond ASCII (RFC 6532); the transport then needs SMTPUTF8.
_MAILBOXES = frozenset(["From", "Reply-To", "To"])


def clean(text: str) -> str:
    """One line of text for a header: no controls, no direction overrides, no encoded-word opener."""
    return prose.clean(text).replace("=?", "= ?")


def unstructured(text: str) -> str:
    """Value of Subject and the like: as it is when ASCII, else RFC 2047 encoded-words."""
    line = clean(text)
    return line if line.isascii() else encoded_words(line)


@lru_cache(maxsize=1024)
def encoded_words(text: str) -> str:
    """RFC 2047 B words parted by blanks, no character split; lines stay within 76 characters."""
    chunks: list[bytes] = [b""]
    for character in text:
        octets = character.encode()
        if len(chunks[-1]) + len(octets) > 39:  # 52 of base64, 64 with the frame, 74 with `Reply-To:`
            chunks.append(b"")
        chunks[-1] += octets
    return " ".join(f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in chunks)


@lru_cache(maxsize=1024)
def named(name: str, inside: str) -> str:
    """`Name <inside>`; without a name `<inside>` alone."""
    line = prose.shorten(clean(name), NAME)
    if line and not line.isascii():
        line = encoded_words(line)
    elif line and not _ATOM.fullmatch(line):
        line = '"' + re.sub(r'(["\\])', r"\\\1", line) + '"'
    return f"{line} <{inside}>".lstrip()


def mailbox(name: str, address: str) -> str:
    """`Name <address>`. Raises SendError for what is no address."""
    return named(name, wire_address(address))


def wire_address(address: str) -> str:
    """The address with its domain in ASCII (RFC 5890). Raises SendError for what is none."""
    if _PLAIN.fullmatch(address):
        return address
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise SendError(f"{address!r} is no mail address: {error}") from error
    return f"{found.local_part}@{found.ascii_domain}"


@lru_cache(maxsize=64)
def sender_mailbox(sender: str) -> str:
    """The operator's `Name <address>`, written as a header may hold it."""
    name, address = parseaddr(sender)
    return mailbox(name, address)


def date(at: datetime) -> str:
    """RFC 5322 date of an aware time."""
    return _date(at.isoformat())  # equal times of two zones have two texts


@lru_cache(maxsize=64)
def _date(iso: str) -> str:
    return format_datetime(datetime.fromisoformat(iso))


def message_id(delivery_id: int | str, key: str | bytes, domain: str) -> str:
    """The same for every attempt of a delivery, without an address inside (RFC 5322 3.6.4)."""
    mac = _mac(key.encode() if isinstance(key, str) else key).copy()
    mac.update(f"message-id:{delivery_id}".encode())
    return f"<{wire_address(f'{delivery_id}.{mac.hexdigest()[:32]}@{domain}')}>"


@lru_cache(maxsize=16)
def _mac(secret: bytes) -> hmac.HMAC:
    return hmac.new(secret, digestmod=hashlib.sha256)


def serialise(fields: Sequence[Field]) -> bytes:
    """The header block and the empty line, in CRLF. Raises SendError for what a header cannot hold."""
    return ("".join(starmap(fold, fields)) + "\r\n").encode()


@lru_cache(maxsize=1024)
def fold(name: str, value: str) -> str:
    """One field, folded at blanks where a line passes 78 characters; the first line is never empty."""
    if not _NAME.fullmatch(name):
        raise SendError(f"{name!r} is no name of a header")
    if not _LINE.fullmatch(value) and not (name in _MAILBOXES and value == prose.clean(value) != ""):
        raise SendError(f"the header {name} cannot hold {value!r}: one line of printable ASCII is needed")
    if len(name) + len(value) <= PREFERRED - 2 and value.strip():
        return f"{name}: {value}\r\n"
    lines, current = [], f"{name}:"
    for position, word in enumerate(value.split(" ")):
        if position and len(current) + 1 + len(word) > PREFERRED and current.strip():
            lines.append(current)
            current = ""
        current += " " + word
    lines.append(current)
    if any(len(line) > LIMIT for line in lines):
        raise SendError(f"the header {name} has a line of more than {LIMIT} characters")
    return "\r\n".join(lines) + "\r\n"


def verify(block: bytes, fields: Sequence[Field]) -> None:
    """Read the block back by the grammar of RFC 5322: the same fields, order and number, or SendError.

    Tests compare this reader with the standard library's.
    """
    text = block.decode()
    lines = text.replace("\r\n ", " ").split("\r\n")  # we fold at blanks alone
    meant = [*map(": ".join, fields), "", ""]
    ended = text.count("\r\n") == text.count("\n") == text.count("\r")
    if lines != meant or not ended or ":" in "".join([name for name, _ in fields]):
        raise SendError("the header block does not read back as it was meant; the message is not sent")
