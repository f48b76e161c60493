"""What servers said at once against addresses: bounces that need no letter. Decides nothing."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert

from digest.models import Delivery
from digest.storage.suppressions import address_hash
from digest.storage.tables import bounces


class Refusal(NamedTuple):
    """How a server refused an address."""

    kind: str  # hard: there is no such address | soft
    status: str  # RFC 3463


def record(conn: Connection, refused: Mapping[Delivery, Refusal], now: datetime) -> None:
    """Keep them as bounces."""
    rows = [
        {
            "key": hashlib.sha256(f"refusal:{delivery.id}:{delivery.attempts}".encode()).hexdigest(),
            "delivery_id": delivery.id,
            "address_hash": address_hash(delivery.email),
            "kind": refusal.kind,
            "status": refusal.status,
            "received_at": now,
        }
        for delivery, refusal in refused.items()
    ]
    if rows:
        conn.execute(insert(bounces), rows)
