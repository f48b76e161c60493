"""A composer, and messages read by the standard library."""

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import settings

from digest.compose.message import Composer
from digest.links import Links
from digest.models import Message, Site
from tests.make import make_site

# A slow machine is no fault of the code under test; speed is measured in tests/benchmarks.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

BASE_URL = "https://papers.dev"


@pytest.fixture
def site() -> Site:
    return make_site()


@pytest.fixture
def links() -> Links:
    return Links(BASE_URL, ("key",))


@pytest.fixture
def composer(site: Site, links: Links) -> Composer:
    return Composer(site, links)


@pytest.fixture
def read() -> Callable[[Message], EmailMessage]:
    """The message as a mail program reads it."""
    return read_message


def read_message(message: Message) -> EmailMessage:
    parsed = message_from_bytes(message.raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed
