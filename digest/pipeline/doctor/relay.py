"""The checks that talk to the mail server: a session, what it offers, and one mail on request."""

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from digest.deliver.relay import Relay, Unavailable, connect
from digest.deliver.sign import Key, sign
from digest.deliver.transport import Envelope, Transport
from digest.models import Verdict
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
    transport: Transport,
    recipient: str,
    *,
    sender: str,
    return_path: str,
    keys: Sequence[Key],
    now: datetime,
) -> Check:
    """Send one mail, signed as an issue is; what the server said is the answer."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, recipient
    message["Subject"] = "digest doctor: a test"
    message["Date"] = format_datetime(now)
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<mailto:{return_path}>"
    message.set_content(
        "This mail was sent by `digest doctor --send-test`.\n\n"
        "Look at its source: Authentication-Results should say spf=pass, dkim=pass and dmarc=pass,\n"
        "and h= of DKIM-Signature should name list-unsubscribe.\n"
    )
    raw = sign(message.as_bytes(), keys)
    outcome = await transport.send(
        Envelope(sender=return_path, recipient=recipient, raw=raw, name=f"test-{now:%Y-%m-%d-%H%M%S}")
    )
    if outcome.verdict is Verdict.ACCEPTED:
        signed = f", signed by {', '.join(key.domain for key in keys)}" if keys else ", not signed by us"
        return ok("test mail", f"accepted for {recipient}{signed}: {outcome.reply}")
    words = " ".join(str(part) for part in (outcome.code, outcome.reply) if part)
    return fail("test mail", f"{recipient} at {outcome.stage}: {words}", "mend what the server names")
