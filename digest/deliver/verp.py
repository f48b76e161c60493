"""A return path of its own for each delivery, signed: a bounce names its delivery, and nobody can forge one.

`bounces+42.k3v5…@papers.dev`: the number, and 80 bits of HMAC-SHA-256 in lower-case base 32, because mail
servers on the way may change the case. The same goes as envelope id (RFC 3461 4.4), which a report gives
back (RFC 3464 2.2.1) also where a relay writes another sender.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

_TOKEN = re.compile(r"(?:\+|^original-envelope-id:\s*)((\d{1,18})\.([a-z2-7]{16}))(?=[@\s]|$)", re.MULTILINE)


def return_path(mailbox: str, delivery_id: int, key: str) -> str:
    """The envelope sender of a delivery; `mailbox` must take addresses with `+` behind its name."""
    name, _, domain = mailbox.rpartition("@")
    return f"{name}+{delivery_id}.{_signature(delivery_id, key)}@{domain}"


def envelope_id(path: str) -> str:
    """What the return path says of its delivery; empty for one that says nothing."""
    found = _TOKEN.search(path)
    return found[1] if found else ""


def read(text: str, keys: Sequence[str]) -> int | None:
    """The delivery of the first address or envelope id with a true signature; any of the keys will do."""
    for _, number, signature in _TOKEN.findall(text.lower()):
        if any(hmac.compare_digest(signature, _signature(int(number), key)) for key in keys):
            return int(number)
    return None


def _signature(delivery_id: int, key: str) -> str:
    digest = hmac.digest(key.encode(), f"digest.bounce.{delivery_id}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:10]).decode().lower()
