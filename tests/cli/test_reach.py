"""Letters beyond ASCII before the @: told at the door, unless the mail server carries them."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from tests.cli.conftest import NOW, Command, write_roster
from tests.cli.test_smtp import EXAMPLE, Mailbox, readers

REFUSED = '"grüße@papers.dev" has letters beyond ASCII before the @, which the mail server cannot carry'
Server = Callable[[bool], Mailbox]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Starts a mail server that offers SMTPUTF8, or does not."""
    running: list[Controller] = []

    def start(utf8: bool) -> Mailbox:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        box = Mailbox()
        running.append(Controller(box, hostname="127.0.0.1", port=port, enable_SMTPUTF8=utf8))
        running[-1].start()
        monkeypatch.setenv("DIGEST_SMTP_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("DIGEST_FROM", "Papers <papers@lab.dev>")
        return box

    yield start
    for controller in running:
        controller.stop()


def test_add_asks_the_mail_server(digest: Command, folder: Path, server: Server) -> None:
    server(False)
    done = digest("subscribers", "add", "grüße@papers.dev", "--topic", "language models")
    assert (done.status, REFUSED in done.err) == (2, True)
    server(True)
    assert digest("subscribers", "add", "grüße@papers.dev", "--topic", "language models").status == 0


def test_file_is_refused_by_line_and_the_others_are_served(
    digest: Command, folder: Path, server: Server
) -> None:
    box = server(False)
    write_roster(folder, EXAMPLE, readers("grüße@papers.dev", "ada@papers.dev"))
    done = digest("run", "--now", NOW)
    assert f"subscribers.yaml:4: {REFUSED}" in done.err
    assert [envelope.rcpt_tos for envelope in box.envelopes] == [["ada@papers.dev"]]


def test_mail_reaches_them_where_the_server_carries_it(digest: Command, folder: Path, server: Server) -> None:
    box = server(True)
    write_roster(folder, EXAMPLE, readers("grüße@bücher.dev"))
    assert digest("run", "--now", NOW).status == 0
    [envelope] = box.envelopes
    assert envelope.rcpt_tos == ["grüße@xn--bcher-kva.dev"]


def test_a_server_that_is_away_is_asked_later(
    digest: Command, folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server(True)
    assert digest("doctor", "--nameserver", "127.0.0.1:9").out
    monkeypatch.setenv("DIGEST_SMTP_URL", "smtp://127.0.0.1:9")
    assert digest("subscribers", "add", "grüße@papers.dev", "--topic", "models").status == 0


def test_folder_takes_every_address(digest: Command, folder: Path) -> None:
    assert digest("subscribers", "add", "grüße@papers.dev", "--topic", "language models").status == 0


def test_domain_is_one_however_it_is_written(digest: Command, folder: Path) -> None:
    assert digest("subscribers", "add", "ada@bücher.dev", "--topic", "language models").status == 0
    done = digest("subscribers", "add", "ada@xn--bcher-kva.dev", "--topic", "language models")
    assert (done.status, "is subscribed already" in done.err) == (2, True)
