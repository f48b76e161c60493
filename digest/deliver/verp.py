"""A return path of its own for each delivery, signed: a bounce names its delivery, and nobody can forge one.

`bounces+42.k3v5…@papers.dev`: the number, and 80 bits of HMAC-SHA-256 in lower-case base 32, because mail
servers on the way may change the case.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

_TOKEN = re.compile(r"\+(\d{1,18})\.([a-z2-7]{16})@")


def return_path(mailbox: str, delivery_id: int, key: str) -> str:
    """The envelope sender of a delivery; `mailbox` must take addresses with `+` behind its name."""
    name, _, domain = mailbox.rpartition("@")
    return f"{name}+{delivery_id}.{_signature(delivery_id, key)}@{domain}"


def read(text: str, keys: Sequence[str]) -> int | None:
    """The delivery of the first address with a true signature in `text`; any of the keys will do."""
    for number, signature in _TOKEN.findall(text.lower()):
        if any(hmac.compare_digest(signature, _signature(int(number), key)) for key in keys):
            return int(number)
    return None


def _signature(delivery_id: int, key: str) -> str:
    digest = hmac.digest(key.encode(), f"digest.bounce.{delivery_id}".encode(), hashlib.sha256)
    return base64.b32encode(digest[:10]).decode().lower()
