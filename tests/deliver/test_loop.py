"""The real loop: product → Postfix (opendkim verifies) → 550 → Postfix's report → Dovecot → the intake."""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select

from digest.compose.message import Composer
from digest.deliver import verp
from digest.deliver.mailbox import UNKNOWN_FOLDER, opened, parse_inbox
from digest.deliver.relay import parse_relay
from digest.deliver.sign import Key, dns_record, sign
from digest.deliver.smtp import SmtpTransport
from digest.errors import DigestError, SendError
from digest.links import Links
from digest.models import Delivery, Message
from digest.pipeline.bounces import Taken, read_inbox
from digest.storage.database import Database
from digest.storage.tables import subscribers
from tests.deliver.daemons import Dovecot, dovecot, opendkim, postfix, smtp_sink
from tests.deliver.scene import add_readers, run
from tests.make import NOW, make_issue, make_paper, make_papers, make_site, make_subscriber

pytestmark = pytest.mark.system

KEY = "a-key-of-this-test"
SIGNING = Key("papers.dev", "loop", rsa.generate_private_key(65537, 2048))
USER = "bounces%40intake.dev:secret"


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: sockets hold 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="loop-") as folder:
        yield Path(folder)


async def signed(batch: Sequence[Delivery]) -> dict[int, Message | DigestError]:
    """Digests as they leave with a key."""
    composer = Composer(make_site(), Links("https://papers.dev", ("key",)))
    papers = make_papers(make_paper(0), make_paper(1))
    made = {
        one.id: composer.message(
            make_issue(0, 1), make_subscriber(), papers, message_id=f"<{one.id}.x@papers.dev>", created_at=NOW
        )
        for one in batch
    }
    return {number: replace(one, raw=sign(one.raw, [SIGNING])) for number, one in made.items()}


def wait(until: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


async def test_an_unknown_reader_ends_suppressed_by_the_whole_loop(sqlite: Database, short: Path) -> None:
    await add_readers(sqlite, 3)
    with (
        dovecot(short / "dovecot") as mailbox,
        smtp_sink("-f", "RCPT", "-B", "550 5.1.1 no such reader") as sink,
        opendkim(short / "opendkim", dns_record(SIGNING)) as verifier,
    ):
        routes = {
            "papers.dev": f"smtp:[127.0.0.1]:{sink}",
            "intake.dev": f"lmtp:inet:127.0.0.1:{mailbox.lmtp}",
        }
        with postfix(short / "postfix", routes, milters=verifier) as port:
            transport = SmtpTransport(parse_relay(f"smtp://127.0.0.1:{port}"))
            report = await run(
                sqlite,
                transport,
                render=signed,
                return_path=lambda delivery: verp.return_path("bounces@intake.dev", delivery.id, KEY),
            )
            await transport.close()
            assert (report.sent, report.balanced) == (3, True)
            wait(lambda: len(mailbox.mails()) == 3)
        good = re.compile(r"Authentication-Results: verifier\.dev;\s+dkim=pass .*header\.d=papers\.dev")
        reports = [path.read_text() for path in mailbox.mails()]
        assert all(good.search(text) for text in reports)
        given_back = [
            line for text in reports for line in text.splitlines() if line.startswith("Original-Env")
        ]
        assert {verp.read(line, (KEY,)) for line in given_back} == {1, 2, 3}
        inbox = parse_inbox(f"imap://{USER}@127.0.0.1:{mailbox.imap}/INBOX")
        first = await read_inbox(sqlite, inbox, keys=(KEY,), clock=lambda: NOW)
        second = await read_inbox(sqlite, inbox, keys=(KEY,), clock=lambda: NOW)
    assert (first.counts, second.counts) == ({Taken.SUPPRESSED: 3}, {})
    async with sqlite.read() as conn:
        assert set(await conn.scalars(select(subscribers.c.status))) == {"suppressed"}


async def test_a_mail_that_nobody_understands_is_kept(sqlite: Database, short: Path) -> None:
    with dovecot(short / "dovecot") as mailbox:
        leave(mailbox, b"Subject: hello\r\n\r\nWho are you?\r\n")
        inbox = parse_inbox(f"imap://{USER}@127.0.0.1:{mailbox.imap}/INBOX")
        report = await read_inbox(sqlite, inbox, keys=(KEY,), clock=lambda: NOW)
        assert report.to_json() == {
            "recorded": 0,
            "suppressed": 0,
            "unsubscribed": 0,
            "ignored": 0,
            "unknown": 1,
        }
        kept = parse_inbox(f"imap://{USER}@127.0.0.1:{mailbox.imap}/{UNKNOWN_FOLDER}")
        async with opened(kept) as folder:
            assert [raw async for _, raw in folder.mails()]


async def test_a_wrong_password_is_one_sentence(sqlite: Database, short: Path) -> None:
    with dovecot(short / "dovecot") as mailbox:
        inbox = parse_inbox(f"imap://ada:wrong@127.0.0.1:{mailbox.imap}/INBOX")
        with pytest.raises(SendError, match="check DIGEST_BOUNCE_URL"):
            await read_inbox(sqlite, inbox, keys=(KEY,), clock=lambda: NOW)


def leave(mailbox: Dovecot, raw: bytes) -> None:
    import smtplib

    with smtplib.LMTP("127.0.0.1", mailbox.lmtp, timeout=10) as client:
        client.sendmail("ada@papers.dev", ["bounces@intake.dev"], raw)


async def test_the_sink_of_postfix_gets_every_mail_and_its_refusals_are_understood(sqlite: Database) -> None:
    """`-q .` hangs up after the final dot, `-r` is 450, `-Q MAIL` is 421."""
    outcomes = {}
    await add_readers(sqlite, 1)
    for number, options in enumerate(([], ["-r", "RCPT"], ["-Q", "MAIL"], ["-q", "."]), start=1):
        await add_readers(sqlite, 1, start=number)
        with smtp_sink(*options) as port:
            transport = SmtpTransport(parse_relay(f"smtp://127.0.0.1:{port}"))
            report = await run(sqlite, transport, resend=False)
            await transport.close()
            outcomes[" ".join(options)] = (report.sent, report.deferred, report.uncertain)
    assert outcomes == {"": (2, 0, 0), "-r RCPT": (0, 1, 0), "-Q MAIL": (0, 1, 0), "-q .": (0, 0, 1)}
