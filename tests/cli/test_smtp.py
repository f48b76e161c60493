"""`digest run` with a mail server: sent once, and one bad address stops nobody else."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.cli.conftest import NOW, Command, write_roster

EXAMPLE = "  - example: arxiv\n"
TOPIC = "    topics: [language models]\n    cut: 10\n"


class Mailbox:
    """Keeps what it is given; refuses whoever is named nobody."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 2.0.0 kept as 4711"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setenv("DIGEST_SMTP_URL", f"smtp://127.0.0.1:{port}")
    monkeypatch.setenv("DIGEST_FROM", "Papers <papers@lab.dev>")
    yield box
    controller.stop()


def readers(*emails: str) -> str:
    return "".join(f"  - email: {email}\n{TOPIC}" for email in emails)


def test_each_reader_gets_one_mail_once(digest: Command, folder: Path, mailbox: Mailbox) -> None:
    write_roster(folder, EXAMPLE, readers("ada@papers.dev", "bob@papers.dev"))
    assert digest("run", "--now", NOW).status == 0
    assert digest("run", "--now", NOW).status == 0
    assert sorted(e.rcpt_tos[0] for e in mailbox.envelopes) == ["ada@papers.dev", "bob@papers.dev"]
    assert all(e.mail_from == "papers@lab.dev" for e in mailbox.envelopes)


def test_refused_reader_is_named_and_the_others_are_served(
    digest: Command, folder: Path, mailbox: Mailbox
) -> None:
    write_roster(folder, EXAMPLE, readers("nobody@papers.dev", "ada@papers.dev"))
    done = digest("run", "--now", NOW)
    assert done.status == 1
    assert "nobody@papers.dev" in done.err
    assert "5.1.1" in done.err
    assert [e.rcpt_tos for e in mailbox.envelopes] == [["ada@papers.dev"]]


def test_example_address_is_refused_with_a_sentence(digest: Command, mailbox: Mailbox) -> None:
    done = digest("run", "--now", NOW)
    assert done.status == 1
    assert "ada@example.org" in done.err
    assert "reserved" in done.err
    assert mailbox.envelopes == []


def test_server_that_is_down_defers_everything(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", "smtp://127.0.0.1:9")
    write_roster(folder, EXAMPLE, readers("ada@papers.dev"))
    done = digest("run", "--now", NOW)
    assert done.status == 1
    assert "127.0.0.1:9" in done.err
    assert "Traceback" not in done.err
