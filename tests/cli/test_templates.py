"""A broken template of the operator: named first, nothing new is made, what waits is sent."""

from pathlib import Path

import pytest

from tests.cli.conftest import NOW, Command
from tests.cli.test_run import mails

LATER = "2026-04-14T13:00:00Z"


@pytest.fixture
def broken(digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One issue waits, for the outbox could not be written; then a template was broken."""
    (folder / "outbox").write_text("in the way")
    assert digest("run", "--now", NOW).status == 1
    (folder / "outbox").unlink()
    (folder / "own").mkdir()
    (folder / "own" / "card.txt").write_text("{{ title }}\n{{ titel }}\n")
    monkeypatch.setenv("DIGEST_TEMPLATES", "own")
    return folder / "own" / "card.txt"


def test_what_waits_is_sent_and_the_fault_is_named(digest: Command, folder: Path, broken: Path) -> None:
    done = digest("run", "--now", LATER)
    assert done.status == 1
    assert "own/card.txt:2: 'titel' is undefined; until it is mended" in done.err
    assert len(mails(folder)) == 1
    told = digest("status", "--now", LATER)
    assert (told.status, told.out.count("TEMPLATE    own/card.txt:2")) == (1, 1)
    assert "own/card.txt:2: 'titel' is undefined; mend it" in digest("doctor", "--now", LATER).out


def test_nothing_new_is_made_until_it_is_mended(digest: Command, folder: Path, broken: Path) -> None:
    digest("run", "--now", LATER)
    digest("run", "--now", "2026-04-15T12:00:00Z")
    assert len(mails(folder)) == 1
    refused = digest("send", "ada@example.org", "--now", "2026-04-15T12:00:00Z")
    assert (refused.status, "own/card.txt:2" in refused.err) == (1, True)
    broken.unlink()
    done = digest("run", "--now", "2026-04-15T12:30:00Z")
    assert (done.status, "card.txt" in done.err) == (0, False)
    assert "TEMPLATE" not in digest("status").out


def test_syntax_fault_is_said_once_and_punctuated(digest: Command, folder: Path, broken: Path) -> None:
    broken.write_text("{{ title }}\n{% if title %}\n")
    said = digest("run", "--now", LATER).err
    assert said.count("until it is mended") == 1
    assert ".;" not in said
    assert "template.broken" not in said
