"""One issue as one mail: blocks joined between a head and a foot, the header around them, in bytes.

The same arguments give the same bytes: the date and the Message-ID are handed in, the boundary
follows from the Message-ID. Papers are rendered once per pass, see `blocks`; per subscriber there are
only the frame, the header and one replacement of the reader's token.
"""

from collections.abc import Mapping
from datetime import datetime

from digest.compose import mime, prose, rehearsal, wording
from digest.compose.assembly import assemble
from digest.compose.blocks import Block, Blocks, measured
from digest.compose.body import body
from digest.compose.cards import topic_name
from digest.compose.citations import FORMATS
from digest.compose.fields import issue_fields, unsubscribe_by_mail
from digest.compose.frame import Frame
from digest.compose.mime import Attachment
from digest.compose.templates import Templates
from digest.links import Links
from digest.models import Issue, Message, Paper, Site, Subscriber

#: Gmail clips near 102 kB; no message is larger than this, encoded.
MAX_SIZE = 90_000

#: Kept free for the header, its signatures and the part headers.
HEADER_SIZE = 4_000

#: Octets of an attached file, encoded: about 60 papers. The online issue has all of them as a file.
CITED = 30_000


class Composer:
    """Makes the mails of one pass; built once, so that templates and papers are rendered once."""

    def __init__(self, site: Site, links: Links) -> None:
        """Take what a mail shows of the operator, and the maker of its links.

        The templates are tried on made-up issues: a broken one raises TemplateError here, with its
        file and line, before anything is sent.
        """
        self._site = site
        self._imprint = wording.imprint(site)
        self._links = links
        templates = Templates(site.template_folder)
        self._blocks = Blocks(templates, links)
        self._html, self._text = Frame(templates, "digest.html"), Frame(templates, "digest.txt")
        for issue in rehearsal.ISSUES:
            self.message(
                issue,
                rehearsal.READER,
                rehearsal.PAPERS,
                message_id="<rehearsal@localhost>",
                created_at=rehearsal.AT,
            )

    def message(
        self,
        issue: Issue,
        subscriber: Subscriber,
        papers: Mapping[str, Paper],
        *,
        message_id: str,
        created_at: datetime,
    ) -> Message:
        """Make the mail of a frozen issue; a paper that is not in `papers` is passed over.

        Raises TemplateError for an operator's template and SendError for a header that cannot be.
        """
        subject = wording.subject(issue, papers)
        reader = self._links.reader(subscriber.id, issue.id or 0)
        head, foot = self._head_and_foot(issue, subscriber, papers, subject, created_at)
        attachment = _attachment(issue, subscriber, papers)
        budget = MAX_SIZE - HEADER_SIZE - head.size - foot.size
        budget -= len(mime.quoted_printable(attachment.content)) if attachment else 0
        parts = [head, *self._body(issue, subscriber, papers, budget), foot]
        fields = issue_fields(
            self._site, self._links, issue, subscriber, subject=subject, message_id=message_id, at=created_at
        )
        return Message(
            message_id=message_id,
            subject=subject,
            raw=assemble(fields, parts, message_id=message_id, reader=reader, attachment=attachment),
        )

    def _body(
        self, issue: Issue, subscriber: Subscriber, papers: Mapping[str, Paper], budget: int
    ) -> list[Block]:
        online = None if issue.id is None else self._links.online(mime.TOKEN)
        return body(self._blocks, issue, subscriber, papers, budget=budget, online=online)

    def _head_and_foot(
        self,
        issue: Issue,
        subscriber: Subscriber,
        papers: Mapping[str, Paper],
        subject: str,
        at: datetime,
    ) -> tuple[Block, Block]:
        """The frame, parted where the blocks go."""
        topics = tuple([topic_name(topic.name) for topic in subscriber.topics])
        following = wording.following(topics)
        values = {
            **self._imprint,
            **self._addresses(issue, subscriber, at),
            "subject": subject,
            "preheader": wording.preheader(issue, papers),
            "date": wording.date(issue, subscriber),
            "sentence": wording.sentence(issue, subscriber),
            "note": wording.note(issue),
            "topics": topics,
            "following": following,
        }
        html = self._html.around(values)
        text = self._text.around({**values, "following": prose.wrap(following)})
        return measured(html[0], text[0]), measured(html[1], text[1])

    def _addresses(self, issue: Issue, subscriber: Subscriber, at: datetime) -> dict[str, str | None]:
        """Where the frame leads; None for what there is no address for."""
        token = subscriber.token
        leave = (self._links.unsubscribe(token) or unsubscribe_by_mail(self._site, token)) if token else None
        return {
            "home": self._links.home(),
            "online": None if issue.id is None else self._links.online(mime.TOKEN),
            "manage": self._links.manage(subscriber.id, at),
            "unsubscribe": leave,
        }


def _attachment(issue: Issue, subscriber: Subscriber, papers: Mapping[str, Paper]) -> Attachment | None:
    """The papers as a file, if the subscriber asked for one."""
    wanted = FORMATS.get(subscriber.citations)
    if not wanted:
        return None
    room, cited = CITED, []
    for paper in (papers[match.paper_id] for match in issue.shown if match.paper_id in papers):
        if (size := len(mime.quoted_printable(wanted.write([paper])))) <= room:
            room -= size
            cited.append(paper)
    return Attachment(wanted.content_type, wanted.filename, wanted.write(cited)) if cited else None
