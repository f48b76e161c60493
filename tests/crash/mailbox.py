"""A mail server in its own process: aiosmtpd that keeps every message in a maildir before it answers.

It can kill the worker from outside at a chosen stage of a chosen message, hang up after the final dot, or
refuse a mix of readers. Counting happens in the maildir alone: what lies there has been delivered.
"""

import asyncio
import os
import random
import signal
import zlib
from collections import Counter
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

#: Stages at which the server can kill the worker: before it answers, or (`after`) right behind its 250.
STAGES = ("mail", "rcpt", "data", "dot", "after")


@dataclass
class Behaviour:
    """What the server does besides taking mail."""

    kill_at: str = ""  # one of STAGES
    kill_message: int = 0  # the how manyth message
    hang_up: float = 0.0  # share of messages that are kept but not answered
    mixed: bool = False  # 450, 421, 550 and dropped sessions for some readers


class Mailbox:
    """aiosmtpd's handler."""

    def __init__(self, folder: Path, behaviour: Behaviour, victim: "Synchronized[int]") -> None:
        self.folder, self.behaviour, self.victim = folder, behaviour, victim
        self.seen: Counter[str] = Counter()
        self.random = random.Random(7)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.reach("mail")
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.reach("rcpt")
        if self.behaviour.mixed and (reply := self.refusal(server, address)):
            return reply
        envelope.rcpt_tos.append(address)
        self.reach("data")
        return "250 2.1.5 ok"

    def refusal(self, server: SMTP, address: str) -> str | None:
        """A reader's fate follows from the address; all but the unknown ones are taken the second time."""
        fate = zlib.crc32(address.encode()) % 20
        self.seen[address] += 1
        if fate == 0:
            return "550 5.1.1 no such reader"
        if self.seen[address] > 1 or fate > 3:
            return None
        if fate == 1:
            return "450 4.2.0 come again"
        if fate == 3:
            server.transport.abort()
        return "421 4.3.2 closing"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        path = self.folder / f"{os.getpid()}.{self.seen['dot']}"
        with path.open("wb") as file:
            file.write(envelope.content)
        self.reach("dot")
        if self.random.random() < self.behaviour.hang_up:
            server.transport.abort()
        asyncio.get_running_loop().call_later(0.0005, self.reach, "after")
        return f"250 2.0.0 queued as {path.name}"

    def reach(self, stage: str) -> None:
        """Count; kill the worker if this is the place."""
        self.seen[stage] += 1
        if stage == self.behaviour.kill_at and self.seen[stage] == self.behaviour.kill_message:
            with_pid = self.victim.value
            if with_pid:
                os.kill(with_pid, signal.SIGKILL)


def serve(folder: Path, behaviour: Behaviour, victim: "Synchronized[int]", port: "Synchronized[int]") -> None:
    """Run until killed; tells its port."""

    async def forever() -> None:
        handler = Mailbox(folder, behaviour, victim)
        loop = asyncio.get_running_loop()

        def session() -> SMTP:
            return SMTP(handler, enable_SMTPUTF8=False, loop=loop, hostname="mailbox", ident="crash")

        server = await loop.create_server(session, "127.0.0.1", 0)
        port.value = server.sockets[0].getsockname()[1]
        await asyncio.Event().wait()

    asyncio.run(forever())


def mails(folder: Path) -> list[Path]:
    """Every mail below a folder: of our own server, or in the maildirs of Dovecot."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name in (folder.name, "new", "cur")
    ]


def copies(folder: Path) -> Counter[str]:
    """Message-ID -> how often it lies in the maildir."""
    parse: Any = BytesHeaderParser().parsebytes
    return Counter(str(parse(path.read_bytes())["Message-ID"]) for path in mails(folder))
