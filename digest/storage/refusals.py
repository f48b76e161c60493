"""What servers said at once against mailboxes: bounces that need no letter. Decides nothing."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert

from digest.models import Delivery
from digest.storage.suppressions import address_hash
from digest.storage.tables import bounces


def record(conn: Connection, refused: Mapping[Delivery, str], now: datetime) -> None:
    """Keep them as soft bounces, with their enhanced status."""
    rows = [
        {
            "key": hashlib.sha256(f"refusal:{delivery.id}:{delivery.attempts}".encode()).hexdigest(),
            "delivery_id": delivery.id,
            "address_hash": address_hash(delivery.email),
            "kind": "soft",
            "status": status,
            "received_at": now,
        }
        for delivery, status in refused.items()
    ]
    if rows:
        conn.execute(insert(bounces), rows)
