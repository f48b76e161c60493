"""A mail that leaves twice is the same mail, byte for byte, whatever changed in between."""

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.compose.message import Composer
from digest.deliver.transport import Envelope
from digest.ingest.identity import Occasion
from digest.links import Links
from digest.models import Announcement, Entry, Outcome, Verdict
from digest.pipeline.compose import compose
from digest.pipeline.deliver import deliver
from digest.pipeline.render import Renderer
from digest.pipeline.storing import store_entries
from digest.pipeline.workers import worker_name
from digest.storage import former
from digest.storage.database import Database
from tests.make import NOW, make_paper, make_site
from tests.pipeline.steps import announce, at, subscribe

GREY = Outcome(verdict=Verdict.DEFERRED, stage="rcpt", code=450, reply="later")
DOUBT = Outcome(verdict=Verdict.UNKNOWN, stage="dot", reply="the server closed the connection")
FINE = Outcome(verdict=Verdict.ACCEPTED, stage="dot", reply="2.0.0 Ok")


class Listening:
    """Keeps what it was given; answers what it was told to."""

    name, rate, concurrency, allowed, carries_utf8 = "listening:25", None, 1, 1, None

    def __init__(self) -> None:
        self.answer = FINE
        self.heard: list[bytes] = []

    async def send(self, envelope: Envelope) -> Outcome:
        self.heard.append(envelope.raw)
        return self.answer

    def withdraw(self) -> None:
        """What it was given is heard already."""

    async def close(self) -> None:
        """Holds nothing."""


async def attempt(db: Database, server: Listening, answer: Outcome, hours: int, **site: str) -> None:
    server.answer = answer
    composer = Composer(make_site(**site), Links("https://papers.dev", ["key"]))
    render = Renderer(db, composer, key=site.get("name", "key"), domain="papers.dev")
    clock = at(NOW + timedelta(hours=hours))
    await deliver(db, server, render, clock=clock, worker=worker_name(), return_path=lambda _: "b@papers.dev")


async def revise(db: Database, title: str, version: int) -> None:
    """A pass of ingestion brings a newer version of paper 1."""
    entry = Entry(
        entry_id="2604.00001", arxiv_id="2604.00001", title=title, abstract="All is new.",
        authors=("Somebody Else",), version=version, announced=Announcement.REPLACE, votes=version,
    )  # fmt: skip
    occasion = Occasion(source="arxiv", family="arxiv", open=True, number=version, at=NOW)
    async with db.write() as conn:
        [resolved] = await store_entries(conn, [entry], occasion)
    assert resolved.paper.title == title


async def begin(db: Database) -> Listening:
    await subscribe(db)
    await announce(db, make_paper(1, title="language models", abstract="Models. " * 30))
    await compose(db, clock=at(NOW))
    return Listening()


@pytest.mark.parametrize("first", [GREY, DOUBT])
async def test_paper_is_revised_between_two_attempts(db: Database, first: Outcome) -> None:
    server = await begin(db)
    await attempt(db, server, first, hours=0)
    await revise(db, "language models, revised", 2)
    await attempt(db, server, GREY, hours=3)
    await revise(db, "language models, once more", 3)
    await attempt(db, server, FINE, hours=12)
    assert len(server.heard) == 3
    assert len(set(server.heard)) == 1


async def test_look_name_and_keys_change_after_a_doubt(db: Database) -> None:
    server = await begin(db)
    await attempt(db, server, DOUBT, hours=0)
    await attempt(db, server, FINE, hours=1, name="another name and key", postal_address="Elsewhere 1")
    assert len(server.heard) == 2
    assert len(set(server.heard)) == 1


async def test_message_id_stays_when_keys_change(db: Database) -> None:
    server = await begin(db)
    await attempt(db, server, GREY, hours=0)
    await attempt(db, server, FINE, hours=3, name="another name and key")
    ids = {line for raw in server.heard for line in raw.split(b"\r\n") if line.startswith(b"Message-ID")}
    assert len(server.heard) == 2
    assert len(ids) == 1


async def test_later_issue_shows_the_paper_as_it_is_now(db: Database) -> None:
    await begin(db)
    await revise(db, "language models, revised", 2)
    async with db.read() as conn:
        kept = await former.known_to(conn, 1, ["arxiv:2604.00001"])
    now = {"arxiv:2604.00001": make_paper(1, title="language models, revised")}
    assert kept.of_issue(1, now)["arxiv:2604.00001"].title == "language models"
    assert kept.of_issue(2, now) == now


async def test_nothing_is_kept_while_no_mail_waits(db: Database) -> None:
    server = await begin(db)
    await attempt(db, server, FINE, hours=0)
    await revise(db, "language models, revised", 2)
    async with db.read() as conn:
        kept = await former.known_to(conn, 0, ["arxiv:2604.00001"])
    now = {"arxiv:2604.00001": replace(make_paper(1), title="x")}
    assert kept.of_issue(1, now) == now
