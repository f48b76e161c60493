"""The pages over a real database, asked by Starlette's client; a clock that tests move."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from digest.compose.message import Composer
from digest.links import Links
from digest.models import Site
from digest.storage.database import Database
from digest.web.app import create_app
from tests.make import NOW

BASE = "http://localhost:8000"


@dataclass
class Place:
    """An application with its parts within reach."""

    db: Database
    app: Starlette
    links: Links
    client: httpx2.AsyncClient
    now: datetime = NOW
    woken: list[datetime] = field(default_factory=list)

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
async def place(db: Database) -> AsyncIterator[Place]:
    """The pages on either database."""
    async with opened(db) as found:
        yield found


@asynccontextmanager
async def opened(db: Database, base: str = BASE, **options: Any) -> AsyncIterator[Place]:
    """The pages over a database; `options` go to `create_app`."""
    site = Site(name="Papers", sender="Papers <digest@papers.dev>", base_url=base, domain="papers.dev")
    links = Links(base, ("a key for tests",))
    box: list[Place] = []
    app = create_app(
        db,
        site=site,
        links=links,
        composer=lambda: Composer(site, links),
        clock=lambda: box[0].now,
        wake=lambda: box[0].woken.append(box[0].now),
        **options,
    )
    transport = httpx2.ASGITransport(app=app, client=("192.0.2.7", 4000), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        box.append(Place(db, app, links, client))
        yield box[0]
        await app.state.front.catalogue.close()
