"""A real SMTP server on a fresh port of 127.0.0.1 that follows a script for each recipient.

Behaviours: "450", "550 5.1.1 text" (a reply at RCPT), "data 451", "dot 550", "421" (reply, then hang up),
"noise" (a line that is no reply behind the last one),
"drop mail|rcpt|data|body|dot" (hang up at that point; `dot`: after taking the message), "mute" (never
answers the final dot), "mute rcpt". Anything else is taken.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Taken:
    """One message that the server took, and whether it said so."""

    recipient: str
    raw: bytes
    answered: bool


@dataclass
class ScriptedServer:
    """Counts what a client did."""

    script: Mapping[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 10240000", "8BITMIME", "ENHANCEDSTATUSCODES")
    most_sessions: int = 1000
    most_messages: int = 1000  # of one session
    greeting: str = "220 scripted ESMTP"
    refuses_rset: bool = False
    login: str | None = None  # the AUTH PLAIN argument that is right
    latency: float = 0.0
    taken: list[Taken] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)  # recipients after which it fell silent
    sessions: int = 0
    open_sessions: int = 0
    commands: list[str] = field(default_factory=list)
    quits: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        self.open_sessions += 1
        try:
            if self.open_sessions > self.most_sessions:
                writer.write(b"421 4.7.0 too many connections\r\n")
            else:
                await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_sessions -= 1
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        await session.say(self.greeting)
        while not session.over:
            line = (await reader.readuntil(b"\r\n")).decode().strip()
            self.commands.append(line)
            verb = line.split(":")[0].split(" ")[0].lower()
            await getattr(session, f"on_{verb}", session.on_other)(line)


@dataclass
class _Session:
    server: ScriptedServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    recipient: str = ""
    mails: int = 0
    state: str = "idle"
    over: bool = False

    @property
    def behaviour(self) -> str:
        return self.server.script.get(self.recipient, "")

    async def say(self, text: str) -> None:
        if self.server.latency:
            await asyncio.sleep(self.server.latency)
        self.writer.write(text.encode() + b"\r\n")

    async def on_other(self, line: str) -> None:
        await self.say("502 what?")

    async def on_quit(self, line: str) -> None:
        self.server.quits += 1
        self.over = True
        await self.say("221 bye")

    async def on_ehlo(self, line: str) -> None:
        lines = ["scripted", *self.server.extensions, *(["AUTH PLAIN"] if self.server.login else [])]
        await self.say("\r\n".join([f"250-{text}" for text in lines[:-1]] + [f"250 {lines[-1]}"]))

    async def on_auth(self, line: str) -> None:
        good = line.rpartition(" ")[2] == self.server.login
        await self.say("235 2.7.0 ok" if good else "535 5.7.8 bad credentials")

    async def on_rset(self, line: str) -> None:
        if self.server.refuses_rset:
            await self.say("502 5.5.1 what?")
            return
        self.state = "idle"
        await self.say("250 ok")

    async def on_mail(self, line: str) -> None:
        self.mails += 1
        if self.state != "idle":
            await self.say("503 nested MAIL")
        elif self.mails > self.server.most_messages:
            self.over = True
            await self.say("421 4.7.0 enough for one session")
        else:
            self.state = "mail"
            await self.say("250 2.1.0 ok")

    async def on_rcpt(self, line: str) -> None:
        self.recipient = line.partition("<")[2].partition(">")[0]
        if self.behaviour == "drop rcpt":
            self.over = True
        elif self.behaviour == "mute rcpt":
            await self.fall_silent()
        elif self.behaviour[:3].isdigit():
            self.over = self.behaviour.startswith("421")
            await self.say(self.behaviour)
        else:
            self.state = "rcpt"
            await self.say("250 2.1.5 ok")

    async def fall_silent(self) -> None:
        self.server.heard.append(self.recipient)
        await asyncio.sleep(30)

    async def on_data(self, line: str) -> None:
        if self.state != "rcpt":
            await self.say("554 5.5.1 no valid recipients")
        elif self.behaviour.startswith("data "):
            await self.say(self.behaviour.removeprefix("data "))
        elif self.behaviour == "drop data":
            self.over = True
        else:
            await self.say("354 go on")
            await self.body()

    async def body(self) -> None:
        if self.behaviour == "drop body":
            self.over = True
            return
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        self.state = "idle"
        if self.behaviour.startswith("dot "):
            await self.say(self.behaviour.removeprefix("dot "))
            return
        self.over = self.behaviour in ("drop dot", "mute")
        self.server.taken.append(Taken(self.recipient, raw, answered=not self.over))
        if self.behaviour == "mute":
            await self.fall_silent()
        if not self.over:
            noise = "\r\nand good luck" if self.behaviour == "noise" else ""
            await self.say(f"250 2.0.0 Ok: queued as {len(self.server.taken)}{noise}")
