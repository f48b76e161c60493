"""The mail server that takes our messages: its address, and a session with it, made by aiosmtplib."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from digest.deliver.conversation import Conversation
from digest.deliver.replies import printable
from digest.errors import ConfigError
from digest.models import Outcome, Verdict

#: Seconds to connect, secure and log in.
CONNECT_SECONDS = 60.0

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_STARTTLS = ("required", "optional", "off")


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that takes our messages, as DIGEST_SMTP_URL names it."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False  # from the first byte (smtps)
    starttls: str = "optional"  # required | optional (unverified, RFC 7435) | off

    @property
    def name(self) -> str:
        """For messages: without user and password."""
        return f"{self.host}:{self.port}"


def parse_relay(url: str) -> Relay:
    """The relay of `smtp://user:password@host:587?starttls=required` or `smtps://…`. Raises ConfigError.

    A password is never sent in clear over a network: with one, STARTTLS is required unless the relay is on
    this machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ConfigError("DIGEST_SMTP_URL must look like smtp://user:password@host:587 or smtps://…")
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"DIGEST_SMTP_URL: {error}") from error
    tls = parts.scheme == "smtps"
    user = unquote(parts.username) if parts.username else None
    return Relay(
        host=parts.hostname,
        port=port or (465 if tls else 587 if user else 25),
        user=user,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
        starttls="off" if tls else _starttls(parts.query, parts.hostname, secret=bool(user)),
    )


def _starttls(query: str, host: str, *, secret: bool) -> str:
    options = parse_qs(query)
    if unknown := set(options) - {"starttls"}:
        raise ConfigError(f"DIGEST_SMTP_URL: unknown option {sorted(unknown)[0]!r}; there is only starttls")
    chosen = options.get("starttls", [""])[-1]
    if chosen and chosen not in _STARTTLS:
        raise ConfigError(f"DIGEST_SMTP_URL: starttls={chosen} is not one of {', '.join(_STARTTLS)}")
    if host in _LOOPBACK:
        return chosen or "off"
    return chosen or ("required" if secret else "optional")


class Unavailable(Exception):
    """No session with the relay; carries the outcome of whatever was to be sent."""

    def __init__(self, stage: str, reply: str, code: int | None = None) -> None:
        super().__init__(reply)
        self.outcome = Outcome(verdict=Verdict.UNAVAILABLE, stage=stage, code=code, reply=printable(reply))


async def connect(
    relay: Relay, *, hostname: str | None = None, context: ssl.SSLContext | None = None
) -> Conversation:
    """A session with the relay: connected, secured and logged in by aiosmtplib. Raises Unavailable."""
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.user,
        password=relay.password,
        local_hostname=hostname,
        timeout=CONNECT_SECONDS,
        use_tls=relay.tls,
        start_tls={"required": True, "optional": None, "off": False}[relay.starttls],
        validate_certs=relay.starttls != "optional",
        tls_context=context,
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await _greet(client)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise _unavailable(relay, error) from error
    extensions = frozenset(name.lower() for name in client.esmtp_extensions)
    return Conversation(cast(asyncio.Transport, client.transport), extensions)


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _unavailable(relay: Relay, error: Exception) -> Unavailable:
    code = getattr(error, "code", None)
    words = f"{code} {getattr(error, 'message', error)}" if code else str(error)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        sentence = f"{relay.name} refused the login ({words}); check user and password in DIGEST_SMTP_URL"
        return Unavailable("auth", sentence, code)
    sentence = f"no session with the mail server {relay.name} ({words}); check DIGEST_SMTP_URL and the server"
    return Unavailable("connect", sentence, code)
