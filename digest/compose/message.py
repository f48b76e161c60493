"""One issue as one mail: the parts joined, the headers around them, the whole in bytes.

The same arguments give the same bytes: the date and the Message-ID are handed in, the boundary
follows from the Message-ID.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parseaddr
from urllib.parse import quote

from markupsafe import Markup

from digest.compose import headers, mime
from digest.compose.cards import card
from digest.compose.templates import Templates
from digest.links import Links
from digest.models import Issue, Match, Message, Paper, Site, Subscriber


class Composer:
    """Makes the mails of one pass; built once, so that templates are read once."""

    def __init__(self, site: Site, links: Links) -> None:
        """Take what a mail shows of the operator, and the maker of its links."""
        self._site = site
        self._links = links
        self._templates = Templates(site.template_folder)

    def message(
        self,
        issue: Issue,
        subscriber: Subscriber,
        papers: Mapping[str, Paper],
        *,
        message_id: str,
        created_at: datetime,
    ) -> Message:
        """Make the mail of a frozen issue. Raises TemplateError, and SendError for a header that cannot be."""
        subject = subject_of(issue, papers)
        values = {
            "site": self._site,
            "subject": subject,
            "date": f"{issue.due_at:%A, %-d %B %Y}",
            "sentence": sentence(issue),
            "note": issue.note,
            "links": self._links_of(issue, subscriber, created_at),
        }
        shown = [m for m in issue.shown if m.paper_id in papers]
        html = self._part("html", shown, papers, values)
        text = self._part("txt", shown, papers, values)
        fields = self._fields(issue, subscriber, subject, message_id, created_at)
        mark = mime.boundary(message_id)
        block = headers.serialise(fields)
        headers.verify(block, fields)
        body = mime.alternative(mark, [mime.quoted_printable(text)], [mime.quoted_printable(html)])
        raw = b"".join([block, *body])
        return Message(message_id=message_id, subject=subject, html=html, text=text, raw=raw)

    def _part(
        self, kind: str, shown: Sequence[Match], papers: Mapping[str, Paper], values: Mapping[str, object]
    ) -> str:
        cards = [
            self._templates.render(f"card.{kind}", paper=card(papers[match.paper_id], match))
            for match in shown
        ]
        body = Markup("").join(Markup(block) for block in cards)
        return self._templates.render(f"digest.{kind}", **values, body=body)

    def _links_of(self, issue: Issue, subscriber: Subscriber, at: datetime) -> dict[str, str | None]:
        online = None if issue.id is None else self._links.online(self._links.reader(subscriber.id, issue.id))
        return {
            "home": self._links.home(),
            "online": online,
            "manage": self._links.manage(subscriber.id, at),
            "unsubscribe": self._links.unsubscribe(subscriber.token) if subscriber.token else None,
        }

    def _fields(
        self, issue: Issue, subscriber: Subscriber, subject: str, message_id: str, created_at: datetime
    ) -> list[headers.Field]:
        site = self._site
        owner = parseaddr(site.reply_to or site.sender)[1]
        fields = [
            ("Date", headers.date(created_at)),
            ("From", headers.sender_mailbox(site.sender)),
            ("Reply-To", headers.sender_mailbox(site.reply_to) if site.reply_to else ""),
            ("To", headers.mailbox(subscriber.name, subscriber.email)),
            ("Subject", headers.unstructured(subject)),
            ("Message-ID", message_id),
            ("List-Id", headers.mailbox(site.name, f"digest.{site.domain}")),
            *self._unsubscribe(subscriber),
            (
                "List-Help",
                f"<{self._links.home()}>" if self._links.home() else f"<mailto:{owner}?subject=help>",
            ),
            ("List-Owner", f"<mailto:{owner}>"),
            ("List-Post", "NO"),
            ("Auto-Submitted", "auto-generated"),
            ("Precedence", "bulk"),
            ("X-Auto-Response-Suppress", "OOF, AutoReply"),
            ("MIME-Version", "1.0"),
            ("Content-Type", f'multipart/alternative; boundary="{mime.boundary(message_id)}"'),
        ]
        return [field for field in fields if field[1]]

    def _unsubscribe(self, subscriber: Subscriber) -> list[headers.Field]:
        web = self._links.unsubscribe(subscriber.token) if subscriber.token else None
        box = self._site.unsubscribe_mailbox if subscriber.token else None
        mail = f"mailto:{box}?subject=unsubscribe%20{quote(subscriber.token)}" if box else None
        value = ", ".join(f"<{address}>" for address in (web, mail) if address)
        post = "List-Unsubscribe=One-Click" if web else ""
        return [("List-Unsubscribe", value), ("List-Unsubscribe-Post", post)]


def subject_of(issue: Issue, papers: Mapping[str, Paper]) -> str:
    """What is inside: the first paper's title and how many more."""
    titles = [card(papers[m.paper_id]).title for m in issue.shown if m.paper_id in papers]
    if not titles:
        return "Nothing new for you" if issue.is_empty else "New papers"
    return titles[0] if len(titles) == 1 else f"{titles[0]}, and {len(titles) - 1} more"


def sentence(issue: Issue) -> str:
    """How much of what was considered is shown."""
    return f"{len(issue.shown)} of {issue.considered} new papers for you."
