"""Which header fields a mail has and what they say (mail.md requirements 14-21)."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import quote

from digest.compose import headers
from digest.compose.headers import Field
from digest.links import Links
from digest.models import Issue, Site, Subscriber

#: RFC 3834 and what Exchange reads: no vacation notes, please.
_AUTOMATIC = (("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "OOF, AutoReply"))


def issue_fields(
    site: Site,
    links: Links,
    issue: Issue,
    subscriber: Subscriber,
    *,
    subject: str,
    message_id: str,
    at: datetime,
) -> list[Field]:
    """The header of a digest, in the order in which it is sent."""
    before, after = _standing(site, links.home())
    return [
        *_common(site, to=headers.mailbox(subscriber.name, subscriber.email), subject=subject, at=at),
        ("Message-ID", message_id),
        before,
        *_unsubscribe(site, links, subscriber.token),
        *after,
        ("Feedback-ID", f"{issue.due_at:%Y%m%d}:issue:digest:{_sender_id(site.domain)}"),
    ]


@lru_cache(maxsize=64)
def _standing(site: Site, home: str | None) -> tuple[Field, Sequence[Field]]:
    """What every digest of a site says of the list, before and after how to leave it."""
    owner = headers.wire_address(parseaddr(site.reply_to or site.sender)[1])
    return ("List-Id", headers.named(site.name, f"digest.{_domain(site.domain)}")), (
        ("List-Help", f"<{home or _mailto(owner, 'help')}>"),
        ("List-Owner", f"<{_mailto(owner)}>"),
        ("List-Post", "NO"),
        *_AUTOMATIC,
        ("Precedence", "bulk"),
    )


def letter_fields(site: Site, *, email: str, subject: str, message_id: str, at: datetime) -> list[Field]:
    """The header of a confirmation or a notice: no list, nothing to unsubscribe from."""
    return [
        *_common(site, to=headers.wire_address(email), subject=subject, at=at),
        ("Message-ID", message_id),
        *_AUTOMATIC,
    ]


def _common(site: Site, *, to: str, subject: str, at: datetime) -> list[Field]:
    reply_to = [("Reply-To", headers.sender_mailbox(site.reply_to))] if site.reply_to else []
    return [
        ("Date", headers.date(at)),
        ("From", headers.sender_mailbox(site.sender)),
        *reply_to,
        ("To", to),
        ("Subject", headers.unstructured(subject)),
    ]


def _unsubscribe(site: Site, links: Links, token: str) -> list[Field]:
    """RFC 2369 and RFC 8058: one web address, one mailto; one-click only with the web address."""
    if not token:
        return []
    web, mail = links.unsubscribe(token), unsubscribe_by_mail(site, token)
    value = ", ".join(f"<{address}>" for address in (web, mail) if address)
    listed = [("List-Unsubscribe", value)] if value else []
    return listed + ([("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")] if web else [])


def unsubscribe_by_mail(site: Site, token: str) -> str | None:
    """The mailto address whose subject names the subscriber; None without a mailbox."""
    box = site.unsubscribe_mailbox
    return f"{_mailto(box, 'unsubscribe')}%20{quote(token)}" if box else None


@lru_cache(maxsize=64)
def _mailto(address: str, subject: str = "") -> str:
    return f"mailto:{quote(headers.wire_address(address), safe='@+')}" + (
        f"?subject={quote(subject)}" if subject else ""
    )


@lru_cache(maxsize=64)
def _sender_id(domain: str) -> str:
    """Google wants 5 to 15 characters, always the same for one sender."""
    letters = re.sub(r"[^a-z0-9]", "", _domain(domain).lower())[-15:]
    return letters if len(letters) >= 5 else f"{letters}digest"[-15:]


def _domain(domain: str) -> str:
    return headers.wire_address(f"digest@{domain}").rpartition("@")[2]
