"""The test mail of `digest doctor`: it has the header of an issue, so that a server can sign all of it."""

import re
import secrets
from datetime import datetime

from digest.compose import headers
from digest.compose.assembly import assemble
from digest.compose.blocks import block
from digest.compose.fields import issue_fields
from digest.links import Links
from digest.models import Issue, Message, Site, Subscriber

#: How its Message-ID begins: the intake leaves such a mail to the doctor that waits for it.
MARK = "doctor."

_MARKED = re.compile(rb"^message-id:\s*<" + re.escape(MARK.encode()), re.IGNORECASE | re.MULTILINE)

_SUBJECT = "digest doctor: a test"

_TEXT = """\
This mail was sent by `digest doctor --send-test`. Look at its source: Authentication-Results should say
spf=pass, dkim=pass and dmarc=pass, and h= of DKIM-Signature should name list-unsubscribe and, where the
mail has that field, list-unsubscribe-post.
"""


def probe(site: Site, links: Links, recipient: str, now: datetime) -> Message:
    """One test mail; its unsubscribe token belongs to nobody. Raises SendError for a bad address."""
    nobody = Subscriber(id=0, email=recipient, token=secrets.token_urlsafe(24))
    message_id = headers.message_id(f"{MARK}{secrets.token_hex(8)}", secrets.token_bytes(32), site.domain)
    issue = Issue(subscriber_id=0, due_at=now, from_pass=0, to_pass=0)
    fields = issue_fields(site, links, issue, nobody, subject=_SUBJECT, message_id=message_id, at=now)
    html = f"<!DOCTYPE html>\n<html lang=en><title>{_SUBJECT}</title><p>{_TEXT}</p></html>\n"
    raw = assemble(fields, [block(html, _TEXT)], message_id=message_id)
    return Message(message_id=message_id, subject=_SUBJECT, raw=raw)


def is_probe(raw: bytes) -> bool:
    """Is it such a mail? One that came back as a bounce has other words in its own header, and is none."""
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    return bool(_MARKED.search(head))
