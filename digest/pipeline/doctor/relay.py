"""The checks that talk to the mail server: a session, what it offers, and one mail on request."""

import asyncio
from collections.abc import Sequence
from time import monotonic

from digest.compose.probe import MARK
from digest.deliver.mailbox import Inbox, OpenInbox, opened
from digest.deliver.relay import Relay, Unavailable, connect
from digest.deliver.sign import Key
from digest.deliver.transport import Envelope, Transport
from digest.errors import SendError
from digest.models import Message, Verdict
from digest.pipeline.doctor import received
from digest.pipeline.doctor.check import Check, fail, ok, warn

#: What we use if it is there: extension -> what its absence costs.
WISHES = {
    "pipelining": "each message takes more round trips",
    "8bitmime": "nothing, our messages are 7-bit",
    "size": "a message that is too large is refused only after it was sent",
    "smtputf8": "addresses with letters beyond ASCII before the @ cannot be reached",
    "dsn": "bounces are asked for less precisely",
}

_MISSED = ("pipelining", "smtputf8")

#: So long a test mail may be on its way back.
BACK_SECONDS = 60.0


async def check_relay(relay: Relay) -> list[Check]:
    """A session as the delivery opens it: connection, TLS, login, and the list of EHLO."""
    try:
        session = await connect(relay)
    except Unavailable as error:
        return [fail("smtp", error.outcome.reply, "check DIGEST_SMTP_URL, the server and the firewall")]
    try:
        found = session.extensions
    finally:
        await session.quit()
        session.close()
    login = f", logged in as {relay.user}" if relay.user else ""
    return [ok("smtp", f"{relay.name} answers{login}"), offers(found), encryption(relay)]


def offers(extensions: frozenset[str]) -> Check:
    """What the EHLO list has of what we use. Pure."""
    there = [name.upper() for name in WISHES if name in extensions]
    missing = [name for name in _MISSED if name not in extensions]
    found = f"offers {', '.join(there) or 'nothing that we use'}"
    if not missing:
        return ok("ehlo", found)
    costs = "; ".join(f"without {name.upper()} {WISHES[name]}" for name in missing)
    return warn("ehlo", found, f"{costs}; enable it if the server can")


def encryption(relay: Relay) -> Check:
    """How the way to the relay is protected. Pure."""
    if relay.tls or relay.starttls == "required":
        return ok("tls", "the way to the mail server is encrypted, its certificate is checked")
    if relay.starttls == "off":
        return ok("tls", "the mail server is on this machine") if _is_here(relay) else _open()
    remedy = "write ?starttls=required or smtps:// in DIGEST_SMTP_URL"
    return warn("tls", "encrypted if the server offers it, its certificate is not checked", remedy)


def _is_here(relay: Relay) -> bool:
    return relay.host in ("localhost", "127.0.0.1", "::1")


def _open() -> Check:
    return fail("tls", "the way to the mail server is open to everybody", "write ?starttls=required")


async def send_test(
    transport: Transport, message: Message, recipient: str, return_path: str, keys: Sequence[Key]
) -> Check:
    """Send one mail, which `keys` have signed; what the server said is the answer."""
    envelope = Envelope(sender=return_path, recipient=recipient, raw=message.raw, name="doctor-test")
    outcome = await transport.send(envelope)
    if outcome.verdict is Verdict.ACCEPTED:
        signed = f"signed by {', '.join(key.domain for key in keys)}" if keys else "not signed by us"
        return ok("test mail", f"accepted for {recipient}, {signed}: {outcome.reply}")
    words = " ".join(str(part) for part in (outcome.code, outcome.reply) if part)
    return fail("test mail", f"{recipient} at {outcome.stage}: {words}", "mend what the server names")


async def fetch_back(
    inbox: Inbox, message: Message, keys: Sequence[Key], sender: str, *, seconds: float = BACK_SECONDS
) -> list[Check]:
    """Wait for the test mail in the bounce mailbox and look at what arrived."""
    try:
        async with opened(inbox) as mailbox:
            raw = await _wait_for(mailbox, message.message_id, seconds)
    except SendError as error:
        return [fail("round trip", str(error), "mend DIGEST_BOUNCE_URL")]
    if raw is None:
        found = f"the test mail did not come to {inbox.user} at {inbox.host} within {seconds:.0f} s"
        remedy = "see that mail to DIGEST_BOUNCE_ADDRESS, with + and anything behind the name, arrives there"
        return [fail("round trip", found, remedy)]
    return received.examine(raw, keys, sender)


async def _wait_for(mailbox: OpenInbox, message_id: str, seconds: float) -> bytes | None:
    """The mail, which is then removed, together with those of earlier rounds that came too late."""
    raw: bytes | None = None
    end = monotonic() + seconds
    while raw is None and monotonic() < end:
        if found := await mailbox.find(message_id):
            raw = found[1]
        else:
            await asyncio.sleep(1.0)
    while left := await mailbox.find(f"<{MARK}"):
        await mailbox.remove(left[0])
    return raw
