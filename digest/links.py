"""Signed links: confirm, manage, read online, vote; and the address of one-click unsubscribe. Pure.

A token is `base64(two unsigned 64-bit numbers) . HMAC-SHA-256`, always TOKEN_LENGTH characters, so
that a message prepared once can have its token replaced without moving a line end. Each purpose has
its own salt: a token of one purpose is refused for every other. The first key signs, every key
verifies, which is how keys rotate. Unsubscribe tokens are random ids kept in the database instead,
because they must work for ever, also after every key was changed (mail.md requirement 37).
"""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import quote

from itsdangerous import BadSignature, Signer

from digest.errors import ExpiredError, LinkError

#: Characters of every signed token: 22 for the numbers, a dot, 43 for the signature.
TOKEN_LENGTH = 66

CONFIRM_FOR = timedelta(hours=48)
MANAGE_FOR = timedelta(days=90)

_NUMBERS = struct.Struct(">QQ")
_URLSAFE = bytes.maketrans(b"+/", b"-_")


class Links:
    """Makes and reads links; without a `base_url` every address is None and mails carry no web link."""

    def __init__(self, base_url: str | None, keys: Sequence[str]) -> None:
        """Take the public address without trailing slash and the keys, the signing one first."""
        self.base_url = base_url.rstrip("/") if base_url else None
        self._keys = [key.encode() for key in reversed(keys)]  # itsdangerous signs with the last
        self._signer = cache(self._make_signer)
        self._mac = cache(self._make_mac)

    def home(self) -> str | None:
        """The sign-up page."""
        return self._at("/")

    def unsubscribe(self, token: str) -> str | None:
        """RFC 8058 address; `token` is the subscriber's random id."""
        return self._at(f"/unsubscribe/{quote(token, safe='')}")

    def confirm(self, ask_id: int, issued_at: datetime) -> str | None:
        """Second step of the double opt-in, for one ask; good for CONFIRM_FOR."""
        return self._at(f"/confirm/{self._sign('confirm', ask_id, _seconds(issued_at))}")

    def manage(self, subscriber_id: int, issued_at: datetime) -> str | None:
        """The reader's own settings; good for MANAGE_FOR."""
        return self._at(f"/manage/{self._sign('manage', subscriber_id, _seconds(issued_at))}")

    def change(self, change_id: int, side: int) -> str | None:
        """Agree to a change of address: `side` 0 is the old address, 1 the new; its row knows its age."""
        return self._at(f"/change/{self._sign('change', change_id, side)}")

    def feed(self, subscriber_id: int) -> str | None:
        """The reader's private Atom feed; it shows papers and can change nothing."""
        return self._at(f"/feed/{self._sign('feed', subscriber_id, 0)}")

    def stamp(self, made_at: datetime) -> str:
        """The signed time at which a form was made; no address, a value of the form."""
        return self._sign("form", _seconds(made_at), 0)

    def reader(self, subscriber_id: int, issue_id: int) -> str:
        """The one token of a message: `online` and `vote` carry it."""
        return self._sign("reader", subscriber_id, issue_id)

    def online(self, reader: str) -> str | None:
        """The issue as a private page."""
        return self._at(f"/issue/{reader}")

    def vote(self, reader: str, paper_id: str, value: int) -> str | None:
        """The page that asks for one press: `value` 1 is more like this, -1 is not for me."""
        verb = "like" if value > 0 else "dislike"
        return self._at(f"/vote/{reader}?{verb}={quote(paper_id, safe=':')}")

    def read_confirm(self, token: str, now: datetime) -> int:
        """Ask of a confirm token. Raises LinkError if altered, ExpiredError if older than CONFIRM_FOR."""
        return self._read_timed("confirm", token, now, CONFIRM_FOR)

    def read_manage(self, token: str, now: datetime) -> int:
        """Subscriber of a manage token. Raises LinkError if altered, ExpiredError after MANAGE_FOR."""
        return self._read_timed("manage", token, now, MANAGE_FOR)

    def read_change(self, token: str) -> tuple[int, int]:
        """Change of address and side of a change token. Raises LinkError if altered."""
        return self._read("change", token)

    def read_feed(self, token: str) -> int:
        """Subscriber of a feed token. Raises LinkError if altered."""
        return self._read("feed", token)[0]

    def read_stamp(self, token: str) -> datetime:
        """When the form was made. Raises LinkError if altered."""
        return datetime.fromtimestamp(self._read("form", token)[0], UTC)

    def read_reader(self, token: str) -> tuple[int, int]:
        """Subscriber and issue of a reader token. Raises LinkError if altered."""
        return self._read("reader", token)

    def _at(self, path: str) -> str | None:
        return self.base_url + path if self.base_url else None

    def _sign(self, purpose: str, first: int, second: int) -> str:
        packed = _base64(_NUMBERS.pack(first, second))
        mac = self._mac(purpose).copy()
        mac.update(packed)
        return f"{packed.decode()}.{_base64(mac.digest()).decode()}"

    def _read(self, purpose: str, token: str) -> tuple[int, int]:
        try:
            packed = self._signer(purpose).unsign(_canonical(token))
            first, second = _NUMBERS.unpack(urlsafe_b64decode(packed + b"=="))
        except (BadSignature, UnicodeEncodeError, ValueError, struct.error) as error:
            raise LinkError("this link is damaged; open it from the mail again") from error
        return first, second

    def _read_timed(self, purpose: str, token: str, now: datetime, good_for: timedelta) -> int:
        number, seconds = self._read(purpose, token)
        if now - datetime.fromtimestamp(seconds, UTC) > good_for:
            raise ExpiredError("this link has expired; ask for a new one", number)
        return number

    def _make_signer(self, purpose: str) -> Signer:
        return Signer(self._keys, salt=f"digest.{purpose}", digest_method=hashlib.sha256)

    def _make_mac(self, purpose: str) -> hmac.HMAC:
        """What `Signer.sign` would begin with each time: a message has two signatures, made in 3 us each."""
        return hmac.new(self._signer(purpose).derive_key(), digestmod=hashlib.sha256)


def _base64(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False).translate(_URLSAFE).rstrip(b"=")


def _canonical(token: str) -> bytes:
    """The token, if each half is spelled the one way base64 is written; else ValueError.

    Decoders take `+` for `-` and ignore the last bits: without this, several texts are one token.
    """
    for half in token.encode("ascii").split(b"."):
        if urlsafe_b64encode(urlsafe_b64decode(half + b"==")).rstrip(b"=") != half:
            raise ValueError("not the canonical spelling")
    return token.encode("ascii")


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
