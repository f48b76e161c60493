"""Small steps of a reader at the pages: sign up, open the letter, press a button."""

import re
from typing import Any

import httpx2
from sqlalchemy import select

from digest.models import Delivery, DeliveryKind, DeliveryState, Subscriber
from digest.pipeline.letters import target
from digest.storage import subscribers
from digest.storage.tables import deliveries
from tests.pipeline.steps import subscribe as subscribe_directly
from tests.web.conftest import BASE, Place

ADDRESS = "ada@papers.dev"


async def sign_up(place: Place, email: str = ADDRESS, **fields: str) -> httpx2.Response:
    """Fill the form of the home page and send it."""
    stamp = place.links.stamp(place.now)
    place.pass_time(seconds=5)
    form = {
        "topics": "language models",
        "email": email,
        "days": "weekdays",
        "at": "07:30",
        "zone": "Europe/Berlin",
        "welcome": "1",
        "website": "",
        "stamp": stamp,
    }
    return await place.client.post("/subscribe", data=form | fields)


async def letters(place: Place) -> list[Delivery]:
    """Every letter in the outbox, oldest first."""
    async with place.db.read() as conn:
        rows = await conn.execute(
            select(deliveries).where(deliveries.c.letter != "").order_by(deliveries.c.id)
        )
        return [delivery_of(row) for row in rows]


def delivery_of(row: Any) -> Delivery:
    """A row of the ledger."""
    values = {name: getattr(row, name) for name in Delivery._fields}
    return Delivery(**values | {"kind": DeliveryKind(row.kind), "state": DeliveryState(row.state)})


async def open_letter(place: Place) -> str:
    """Path of the link in the newest letter."""
    found = target(place.links, (await letters(place))[-1])
    assert found
    return found.removeprefix(BASE)


async def reader_of(place: Place, email: str = ADDRESS) -> Subscriber | None:
    """The stored reader of an address."""
    async with place.db.read() as conn:
        return await subscribers.by_email(conn, email)


async def signed_up(place: Place, email: str = ADDRESS, **fields: str) -> Subscriber:
    """A reader who went the whole way."""
    await sign_up(place, email, **fields)
    await place.client.post(await open_letter(place))
    found = await reader_of(place, email)
    assert found
    return found


async def active(place: Place, number: int = 1, **fields: Any) -> Subscriber:
    """A reader who is active already."""
    return await subscribe_directly(place.db, number, **fields)


def words(page: httpx2.Response) -> str:
    """The text of a page without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
