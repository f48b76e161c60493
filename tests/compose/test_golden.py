import re

import pytest

from digest.models import Message
from tests.compose.conftest import read_message
from tests.compose.golden import FOLDER, cases

CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_mail_is_the_golden_one(name: str) -> None:
    golden = (FOLDER / f"{name}.eml").read_bytes()
    assert CASES[name].raw.decode().split("\r\n") == golden.decode().split("\r\n")


def test_every_golden_mail_has_its_case() -> None:
    assert {path.stem for path in FOLDER.glob("*.eml")} == set(CASES)


@pytest.mark.parametrize("message", CASES.values(), ids=CASES)
def test_text_part_has_72_columns_but_for_addresses(message: Message) -> None:
    long = [line for line in message.text.splitlines() if len(line) > 72 and " " in line.strip()]
    assert [line for line in long if "://" not in line] == []


@pytest.mark.parametrize("message", CASES.values(), ids=CASES)
def test_mail_is_well_formed_and_small(message: Message) -> None:
    parsed = read_message(message)
    assert len(message.raw) <= 90_000
    assert re.search(rb"(?<!\r)\n|\r(?!\n)|\0", message.raw) is None
    assert max(map(len, message.raw.split(b"\r\n"))) <= 998
    assert not [part for part in parsed.walk() if part.defects]
    for name in ("List-Unsubscribe", "List-Id", "Message-ID", "Feedback-ID", "List-Unsubscribe-Post"):
        assert "=?" not in (parsed[name] or "")


@pytest.mark.parametrize("message", CASES.values(), ids=CASES)
def test_nothing_is_fetched_when_a_mail_is_read(message: Message) -> None:
    assert not re.search(r"<img|<script|<iframe|<form|url\(|@import|<link|background=", message.html)
