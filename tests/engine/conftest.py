"""Plain logs: structlog's own default draws each traceback with all its values, which takes seconds."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """One short line an event, for the time of a test."""
    structlog.configure(processors=[structlog.processors.KeyValueRenderer(key_order=["event"])])
    yield
    structlog.reset_defaults()
