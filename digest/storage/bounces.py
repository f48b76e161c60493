"""Bounces and complaints, and the mails that nobody could read. Contains no business logic."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Delivery
from digest.storage import suppressions
from digest.storage.outbox import COLUMNS, delivery_of
from digest.storage.tables import bounces, deliveries, strays

#: The number in a Message-ID of ours, and what its column holds: those of Postfix begin with the time.
_NUMBER = re.compile(r"<(\d{1,10})\.[\x21-\x7e]+")
_LARGEST = 2**31 - 1

_D, _B = deliveries.c, bounces.c


async def is_known(conn: AsyncConnection, key: str) -> bool:
    """Was this very mail taken before?"""
    known = select(_B.id).where(_B.key == key)
    return await conn.scalar(known) is not None


async def record(
    conn: AsyncConnection,
    delivery: Delivery,
    address_hash: str,
    *,
    key: str,
    kind: str,
    status: str,
    now: datetime,
) -> None:
    """Keep one bounce of a delivery."""
    values = {"key": key, "delivery_id": delivery.id, "address_hash": address_hash}
    await conn.execute(insert(bounces).values(values | {"kind": kind, "status": status, "received_at": now}))


async def find(
    conn: AsyncConnection, delivery_id: int | None, message_id: str | None
) -> tuple[Delivery, str] | None:
    """The delivery that came back, and the hash of its address: by number, else by Message-ID.

    A Message-ID begins with the number of its delivery; the rest of it, which may lack the domain, is the
    proof.
    """
    query = select(*COLUMNS, _D.address_hash)
    named = _number(message_id or "")
    for which in (
        _D.id == delivery_id if delivery_id is not None else None,
        and_(_D.id == named, _is_named(message_id or "")) if named is not None else None,
    ):
        if which is not None and (row := (await conn.execute(query.where(which))).first()):
            return delivery_of(row[:-1]), str(row[-1])
    return None


def _number(message_id: str) -> int | None:
    """The delivery that a Message-ID names; None if it cannot be one of ours."""
    found = _NUMBER.fullmatch(message_id)
    return int(found[1]) if found and int(found[1]) <= _LARGEST else None


def _is_named(message_id: str) -> ColumnElement[bool]:
    if "@" in message_id:
        return _D.message_id == message_id
    return _D.message_id.startswith(f"{message_id.rstrip('>')}@", autoescape=True)


async def history(conn: AsyncConnection, address_hash: str) -> list[tuple[str, datetime]]:
    """Kind and time of the bounces of an address, oldest first."""
    query = select(_B.kind, _B.received_at).where(_B.address_hash == address_hash)
    return [(row.kind, row.received_at) for row in await conn.execute(query.order_by(_B.received_at, _B.id))]


async def asked_at(conn: AsyncConnection, address_hash: str, letter: str, since: datetime) -> datetime | None:
    """When this letter was put into the outbox for this address, if that was after a time."""
    mine = _D.address_hash == address_hash, _D.letter == letter, _D.created_at >= since
    found: datetime | None = await conn.scalar(select(func.max(_D.created_at)).where(*mine))
    return found


async def stayed(conn: AsyncConnection, address_hash: str, before: datetime) -> datetime | None:
    """When the newest mail to this address was sent, before a time, that did not come back."""
    came_back = select(_B.id).where(_B.delivery_id == _D.id).exists()
    query = select(func.max(_D.settled_at)).where(
        _D.address_hash == address_hash, _D.state == "sent", _D.settled_at < before, ~came_back
    )
    newest: datetime | None = await conn.scalar(query)
    return newest


async def kept_strays(conn: AsyncConnection, limit: int) -> list[Mapping[str, Any]]:
    """Key, bytes and time of the mails that nobody could match, the newest first."""
    query = select(strays).order_by(strays.c.received_at.desc(), strays.c.key).limit(limit)
    return [dict(row) for row in (await conn.execute(query)).mappings()]


async def keep_stray(conn: AsyncConnection, key: str, raw: bytes, now: datetime) -> None:
    """Keep a mail that could not be matched, once, for a person to look at."""
    if await conn.scalar(select(strays.c.key).where(strays.c.key == key)) is None:
        await conn.execute(insert(strays).values(key=key, raw=raw, received_at=now))


async def forgive(conn: AsyncConnection, email: str) -> None:
    """Forget what came back from an address: it is mailed as if for the first time."""
    await conn.execute(delete(bounces).where(_B.address_hash == suppressions.address_hash(email)))


async def erase(conn: AsyncConnection, email: str) -> None:
    """Delete the bounces of an address, and the mails that could not be matched and that name it."""
    await forgive(conn, email)
    name = email.casefold().encode()
    rows = await conn.execute(select(strays.c.key, strays.c.raw))
    naming = [row.key for row in rows if name in row.raw.lower()]
    await conn.execute(delete(strays).where(strays.c.key.in_(naming)))
