"""The bounce mailbox over IMAP: hands out mails one by one, and removes one only when it is told to.

imaplib blocks, so every call runs in a thread; one connection, used by one caller.
"""

import asyncio
import imaplib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import structlog

from digest.errors import ConfigError, SendError

#: Where mails that we could not match are kept; never deleted by us.
UNKNOWN_FOLDER = "digest-unknown"

#: Octets of a mail that are read; bounces are small, and a huge mail must not fill our memory.
LARGEST = 1_000_000

log = structlog.get_logger()

#: Seconds for each answer of the server.
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Inbox:
    """The mailbox that DIGEST_BOUNCE_URL names."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: bool
    folder: str


def parse_inbox(url: str) -> Inbox:
    """The mailbox of `imaps://user:password@host/INBOX`, or `imap://…`. Raises ConfigError."""
    parts = urlsplit(url)
    if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
        raise ConfigError("DIGEST_BOUNCE_URL must look like imaps://user:password@host/INBOX")
    tls = parts.scheme == "imaps"
    return Inbox(
        host=parts.hostname,
        port=parts.port or (993 if tls else 143),
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        tls=tls,
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )


class OpenInbox:
    """A mailbox with its folder selected."""

    def __init__(self, connection: imaplib.IMAP4) -> None:
        self._connection = connection

    async def mails(self) -> AsyncIterator[tuple[str, bytes]]:
        """Number and (first) bytes of each mail that lies there, oldest first; reading leaves it unread."""
        found = (await self._uid("SEARCH", "ALL"))[0]
        for number in found.split() if isinstance(found, bytes) else []:
            if raw := await self._fetch(number.decode()):
                yield number.decode(), raw

    async def find(self, message_id: str) -> tuple[str, bytes] | None:
        """The newest mail whose Message-ID holds these characters; None if there is none."""
        found = (await self._uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"'))[0]
        for number in reversed(found.split() if isinstance(found, bytes) else []):
            if raw := await self._fetch(number.decode()):
                return number.decode(), raw
        return None

    async def _fetch(self, number: str) -> bytes | None:
        answer = await self._uid("FETCH", number, f"(BODY.PEEK[]<0.{LARGEST}>)")
        return next((part[1] for part in answer if isinstance(part, tuple)), None)

    async def remove(self, number: str) -> None:
        """Its result is committed: delete it."""
        await self._uid("STORE", number, "+FLAGS", r"(\Deleted)")
        await asyncio.to_thread(self._connection.expunge)

    async def keep(self, number: str) -> None:
        """Move it to the folder of mails that we could not match; where that cannot be, it stays."""
        for name in (UNKNOWN_FOLDER, f"INBOX.{UNKNOWN_FOLDER}", f"INBOX/{UNKNOWN_FOLDER}"):
            await asyncio.to_thread(self._connection.create, name)  # "NO" if it is there already
            kind, _ = await asyncio.to_thread(self._connection.uid, "COPY", number, name)
            if kind == "OK":
                await self.remove(number)
                return
        log.warning("bounces.not_moved", folder=UNKNOWN_FOLDER)

    async def _uid(self, *command: str) -> list[bytes | tuple[bytes, bytes]]:
        kind, data = await asyncio.to_thread(self._connection.uid, *command)
        if kind != "OK":
            raise SendError(f"the bounce mailbox refused {command[0]}: {data!r}")
        return list(data)


@asynccontextmanager
async def opened(inbox: Inbox) -> AsyncIterator[OpenInbox]:
    """Log in and select the folder. Raises SendError with a sentence."""
    try:
        connection = await asyncio.to_thread(_connect, inbox)
    except (OSError, imaplib.IMAP4.error) as error:
        where = f"{inbox.user}@{inbox.host}:{inbox.port}/{inbox.folder}"
        raise SendError(
            f"the bounce mailbox {where} cannot be read ({error}); check DIGEST_BOUNCE_URL"
        ) from error
    try:
        yield OpenInbox(connection)
    except (OSError, imaplib.IMAP4.error) as error:
        raise SendError(f"the bounce mailbox {inbox.host} broke off ({error}); nothing is lost") from error
    finally:
        await asyncio.to_thread(_leave, connection)


def _leave(connection: imaplib.IMAP4) -> None:
    """Say goodbye; if the other side is gone already, close our end."""
    try:
        connection.logout()
    except (OSError, imaplib.IMAP4.error):
        with suppress(OSError):
            connection.shutdown()


def _connect(inbox: Inbox) -> imaplib.IMAP4:
    connection: imaplib.IMAP4
    if inbox.tls:
        context = ssl.create_default_context()
        connection = imaplib.IMAP4_SSL(inbox.host, inbox.port, ssl_context=context, timeout=TIMEOUT)
    else:
        connection = imaplib.IMAP4(inbox.host, inbox.port, timeout=TIMEOUT)
    try:
        connection.login(inbox.user, inbox.password)
        kind, data = connection.select(f'"{inbox.folder}"')
    except BaseException:
        connection.shutdown()
        raise
    if kind != "OK":
        connection.shutdown()
        raise OSError(f"no folder {inbox.folder}: {data!r}")
    return connection
