"""An origin to fetch from, a way out and a parsing process; all closed at the end."""

from collections.abc import AsyncIterator, Iterator

import pytest

from digest.ingest.child import Reader
from digest.ingest.fetch import Fetcher, Limits

from .origin import Origin


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(Limits(seconds=2.0, size=200_000, attempts=2, patience=0.5)) as fetcher:
        yield fetcher


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    async with Reader() as reader:
        yield reader
