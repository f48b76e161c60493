"""A small LMTP listener (RFC 2033) for bounces: we answer a mail server when its mail is committed.

It never sends anything by itself, so it can neither loop nor scatter (RFC 3834, RFC 5321 6.2).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from digest.errors import ConfigError

#: Octets of a mail; bounces are small.
LARGEST = 2_000_000

#: Seconds that a client may be silent.
PATIENCE = 300.0

#: Sessions at a time.
SESSIONS = 20

#: Takes a mail, its sender and its recipient; raising means "later".
Take = Callable[[bytes, str, str], Awaitable[None]]

log = structlog.get_logger()


def parse_listen(where: str) -> tuple[str, int]:
    """Host and port of DIGEST_LMTP_LISTEN (`127.0.0.1:2424`). Raises ConfigError."""
    host, _, port = where.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"DIGEST_LMTP_LISTEN: {where!r} is not HOST:PORT, for example 127.0.0.1:2424")
    return host.strip("[]"), int(port)


async def listen(host: str, port: int, take: Take) -> asyncio.Server:
    """Start to listen; close the server to stop."""
    gate = asyncio.Semaphore(SESSIONS)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with gate:
                await _Session(reader, writer, take).run()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    return await asyncio.start_server(serve, host, port, limit=LARGEST + 10_000)


@dataclass(slots=True)
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    take: Take
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    open: bool = True

    async def run(self) -> None:
        await self.say("220 digest LMTP")
        while self.open:
            line = (await self.read(b"\r\n")).decode("utf-8", "replace").strip()
            verb, _, rest = line.partition(" ")
            await getattr(self, f"on_{verb.lower()}", self.on_other)(rest)

    async def read(self, end: bytes) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(end), PATIENCE)

    async def say(self, line: str) -> None:
        self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()

    async def on_lhlo(self, _rest: str) -> None:
        await self.say(f"250-digest\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE {LARGEST}")

    async def on_mail(self, rest: str) -> None:
        self.recipients.clear()
        self.sender = _path(rest)
        await self.say("250 2.1.0 ok")

    async def on_rcpt(self, rest: str) -> None:
        if len(self.recipients) >= 100:
            await self.say("452 4.5.3 too many recipients")
            return
        self.recipients.append(_path(rest))
        await self.say("250 2.1.5 ok")

    async def on_data(self, _rest: str) -> None:
        """One reply a recipient (RFC 2033 4.2), and none before its result is committed."""
        if not self.recipients:
            await self.say("503 5.5.1 no recipients")
            return
        await self.say("354 go on")
        raw = (await self.read(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
        for recipient in self.recipients:
            await self.say(await self.taken(raw, recipient))
        self.recipients.clear()

    async def taken(self, raw: bytes, recipient: str) -> str:
        try:
            await self.take(raw, self.sender, recipient)
        except Exception:
            log.exception("lmtp.later")
            return "451 4.3.0 cannot be stored now"
        return "250 2.0.0 taken"

    async def on_rset(self, _rest: str) -> None:
        self.recipients.clear()
        await self.say("250 2.0.0 ok")

    async def on_noop(self, _rest: str) -> None:
        await self.say("250 2.0.0 ok")

    async def on_quit(self, _rest: str) -> None:
        self.open = False
        await self.say("221 2.0.0 bye")

    async def on_other(self, _rest: str) -> None:
        await self.say("502 5.5.2 LMTP only")


def _path(argument: str) -> str:
    """The address between the brackets of MAIL or RCPT."""
    return argument.partition("<")[2].partition(">")[0]
