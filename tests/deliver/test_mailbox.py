"""The bounce mailbox over IMAP that misbehaves: nothing is lost, nothing stops the mails behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from digest.deliver import verp
from digest.deliver.mailbox import parse_inbox
from digest.errors import SendError
from digest.pipeline.bounces import Taken, read_inbox
from digest.storage.database import Database
from tests.deliver.letters import report
from tests.deliver.scene import ScriptedTransport, add_readers, run
from tests.make import NOW

KEY = "a-key-of-this-test"


@dataclass
class Imap:
    """As much of RFC 3501 as one pass asks for, over mails in memory."""

    mails: dict[int, bytes]
    drop_at: str = ""  # ends the connection when it hears this command
    refuses: tuple[str, ...] = ()  # commands that it answers with NO
    sends_flags_first: bool = False
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"imap://ada:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}/INBOX"
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while line := (await reader.readline()).decode().strip():
            tag, _, command = line.partition(" ")
            if self.drop_at and self.drop_at in command:
                break
            refused = any(command.startswith(name) for name in self.refuses)
            writer.write(b"" if refused else self._answer(command))
            writer.write(f"{tag} {'NO never' if refused else 'OK done'}\r\n".encode())
        writer.close()

    def _answer(self, command: str) -> bytes:
        words = command.split()
        if command.startswith("CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1\r\n"
        if command.startswith("SELECT"):
            return f"* {len(self.mails)} EXISTS\r\n".encode()
        if command.startswith("UID SEARCH"):
            return f"* SEARCH {' '.join(map(str, self.mails))}\r\n".encode()
        if command.startswith("UID FETCH"):
            return self._fetched(int(words[2]))
        if command.startswith("UID COPY"):
            self.folders.setdefault(words[3], []).append(self.mails[int(words[2])])
        if command.startswith("UID STORE"):
            self.gone.add(int(words[2]))
        return b""

    def _fetched(self, number: int) -> bytes:
        raw = self.mails[number]
        flags = f"* {number} FETCH (FLAGS (\\Seen))\r\n".encode() if self.sends_flags_first else b""
        head = f"* {number} FETCH (UID {number} BODY[]<0> {{{len(raw)}}}\r\n".encode()
        return flags + head + raw + b")\r\n"


def bounce_of(number: int) -> bytes:
    return report(verp.return_path("b@papers.dev", number, KEY), unique=str(number))


async def read(db: Database, url: str) -> dict[str, int]:
    report = await read_inbox(db, parse_inbox(url), keys=(KEY,), clock=lambda: NOW)
    return {taken.value: number for taken, number in report.counts.items()}


@pytest.mark.parametrize("command", ["UID FETCH 2", "UID STORE 1", "EXPUNGE", "SEARCH", "LOGIN"])
async def test_a_lost_connection_loses_no_bounce(db: Database, command: str) -> None:
    await add_readers(db, 2)
    await run(db, ScriptedTransport())
    imap = Imap({1: bounce_of(1), 2: bounce_of(2)}, drop_at=command)
    async with imap.running() as url:
        with pytest.raises(SendError):
            await read(db, url)
        assert imap.gone <= {1}
        imap.drop_at, imap.mails = "", {n: raw for n, raw in imap.mails.items() if n not in imap.gone}
        again = await read(db, url)
    assert set(again) <= {Taken.SUPPRESSED, Taken.IGNORED}
    assert imap.gone == {1, 2}


async def test_flags_before_a_mail_hide_nothing(sqlite: Database) -> None:
    await add_readers(sqlite, 1)
    await run(sqlite, ScriptedTransport())
    async with Imap({1: bounce_of(1)}, sends_flags_first=True).running() as url:
        assert await read(sqlite, url) == {"suppressed": 1}


async def test_unknown_mails_go_where_the_server_lets_them(sqlite: Database) -> None:
    imap = Imap({1: b"Subject: hello\r\n\r\n"}, refuses=("UID COPY 1 digest-unknown", "CREATE"))
    async with imap.running() as url:
        assert await read(sqlite, url) == {"unknown": 1}
    assert (list(imap.folders), imap.gone) == (["INBOX.digest-unknown"], {1})


async def test_an_unknown_mail_that_cannot_be_moved_stops_nothing(sqlite: Database) -> None:
    await add_readers(sqlite, 2)
    await run(sqlite, ScriptedTransport())
    mails = {1: b"Subject: hello\r\n\r\n", 2: bounce_of(2)}
    imap = Imap(mails, refuses=("UID COPY", "CREATE"))
    async with imap.running() as url:
        assert await read(sqlite, url) == {"unknown": 1, "suppressed": 1}
    assert imap.gone == {2}
