"""A link says one thing to one person, and nothing else can be made of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import LinkError
from digest.links import CONFIRM_FOR, TOKEN_LENGTH, Links
from tests.make import NOW

links = Links("https://papers.dev/", ["new key", "old key"])
numbers = st.integers(0, 2**64 - 1)


@given(numbers, numbers)
def test_reader_token_reads_back_and_has_one_length(subscriber: int, issue: int) -> None:
    token = links.reader(subscriber, issue)
    assert len(token) == TOKEN_LENGTH
    assert links.read_reader(token) == (subscriber, issue)


@given(st.integers(0, TOKEN_LENGTH - 1), st.characters())
def test_token_altered_in_any_character_is_refused(position: int, character: str) -> None:
    token = links.reader(1, 2)
    altered = token[:position] + character + token[position + 1 :]
    if altered != token:
        with pytest.raises(LinkError):
            links.read_reader(altered)


def test_token_of_one_purpose_is_refused_for_another() -> None:
    token = (links.confirm(1, NOW) or "").rsplit("/", 1)[1]
    assert links.read_confirm(token, NOW) == 1
    with pytest.raises(LinkError):
        links.read_manage(token, NOW)


def test_confirm_link_expires() -> None:
    token = (links.confirm(1, NOW) or "").rsplit("/", 1)[1]
    with pytest.raises(LinkError, match="expired"):
        links.read_confirm(token, NOW + CONFIRM_FOR + timedelta(seconds=1))


def test_old_key_still_verifies_and_new_key_signs() -> None:
    old, new = Links(None, ["old key"]), Links(None, ["new key"])
    assert links.read_reader(old.reader(1, 2)) == (1, 2)
    assert new.read_reader(links.reader(1, 2)) == (1, 2)


def test_without_public_address_there_is_no_link() -> None:
    assert Links(None, ["key"]).unsubscribe("token") is None
