"""One issue as one mail: blocks joined between a head and a foot, the header around them, in bytes.

The same arguments give the same bytes: the date and the Message-ID are handed in, the boundary
follows from the Message-ID. Papers are rendered once per pass, see `blocks`; per subscriber there are
only the frame, the header and one replacement of the reader's token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.compose import mime, prose, rehearsal, wording
from digest.compose.assembly import assemble
from digest.compose.blocks import Block, Blocks, block, size
from digest.compose.cards import NAME
from digest.compose.citations import FORMATS
from digest.compose.fields import issue_fields
from digest.compose.mime import Attachment
from digest.compose.templates import Templates
from digest.links import Links
from digest.models import Issue, Match, Message, Paper, Site, Subscriber

#: Gmail clips near 102 kB; no message is larger than this, encoded.
MAX_SIZE = 90_000

#: Kept free for the header, its signatures and the part headers.
HEADER_SIZE = 4_000

#: Papers at most in one list, and in an attached file: about 27 kB.
LINES, CITED = 10, 60

MORE, MORE_NOTE = "Also for you", "This mail was full; these are in it by name, and whole online."
REVISED = "New versions of papers that you were sent"

_BODY = "\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a mail leads: the addresses of its frame, None where there is none."""

    home: str | None
    online: str | None
    manage: str | None
    unsubscribe: str | None
    imprint: str | None


class Composer:
    """Makes the mails of one pass; built once, so that templates and papers are rendered once."""

    def __init__(self, site: Site, links: Links) -> None:
        """Take what a mail shows of the operator, and the maker of its links.

        The templates are tried on made-up issues: a broken one raises TemplateError here, with its
        file and line, before anything is sent.
        """
        self._site = site
        self._links = links
        templates = Templates(site.template_folder)
        self._blocks = Blocks(templates, links)
        self._frame = {kind: templates.renderer(f"digest.{kind}") for kind in ("html", "txt")}
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
        head, foot = self._head_and_foot(issue, subscriber, papers, subject, reader, created_at)
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
            html="".join(part.html for part in parts).replace(mime.TOKEN, reader),
            text="".join(part.text for part in parts).replace(mime.TOKEN, reader),
            raw=assemble(fields, parts, message_id=message_id, reader=reader, attachment=attachment),
        )

    def _head_and_foot(
        self,
        issue: Issue,
        subscriber: Subscriber,
        papers: Mapping[str, Paper],
        subject: str,
        reader: str,
        at: datetime,
    ) -> tuple[Block, Block]:
        """The frame, rendered whole and parted where the blocks go."""
        values = {
            "site": self._site,
            "subject": subject,
            "preheader": wording.preheader(issue, papers),
            "date": wording.date(issue, subscriber),
            "sentence": wording.sentence(issue, subscriber),
            "note": wording.note(issue),
            "topics": [prose.shorten(prose.clean(topic.name), NAME) for topic in subscriber.topics],
            "links": self._reach(issue, subscriber, reader, at),
            "body": _BODY,
        }
        html, text = (self._frame[kind](**values).partition(_BODY) for kind in ("html", "txt"))
        return block(html[0], text[0]), block(html[2].lstrip("\n"), text[2].lstrip("\n"))

    def _reach(self, issue: Issue, subscriber: Subscriber, reader: str, at: datetime) -> Reach:
        return Reach(
            home=self._links.home(),
            online=None if issue.id is None else self._links.online(reader),
            manage=self._links.manage(subscriber.id, at),
            unsubscribe=self._links.unsubscribe(subscriber.token) if subscriber.token else None,
            imprint=self._site.imprint_url,
        )

    def _body(
        self, issue: Issue, subscriber: Subscriber, papers: Mapping[str, Paper], budget: int
    ) -> list[Block]:
        """Topics as sections, then the lists. What is too much for `budget` octets becomes lines."""
        shown = [match for match in issue.shown if match.paper_id in papers]
        cards = self._cards(shown, subscriber, papers)
        lines = [self._blocks.line(papers[match.paper_id], "") for match in shown]
        tail = self._tail(issue, papers)
        sections = {match.topic: self._blocks.section(match.topic, "") for match in shown}
        over = self._blocks.section(MORE, MORE_NOTE)
        full, named = fit(cards, lines, budget - size([*tail, *sections.values(), over]))
        blocks: list[Block] = []
        for topic in dict.fromkeys(match.topic for match in shown[:full]):
            chosen = [card for card, match in zip(cards[:full], shown, strict=False) if match.topic == topic]
            blocks += [sections[topic], *chosen]
        more = [over, *lines[full:named]] if full < len(shown) else []
        return [*blocks, *more, *tail]

    def _cards(
        self, shown: Sequence[Match], subscriber: Subscriber, papers: Mapping[str, Paper]
    ) -> list[Block]:
        names = (name for topic in subscriber.topics for name in topic.authors)
        followed = frozenset(name.casefold().strip() for name in names)
        return [
            self._blocks.card(papers[match.paper_id], round(match.score), match.because, followed)
            for match in shown
        ]

    def _tail(self, issue: Issue, papers: Mapping[str, Paper]) -> list[Block]:
        """Just below the cut, trending, new versions; each a heading and lines, or nothing."""
        left_out = [(match.paper_id, f"score {match.score:.0f}") for match in issue.left_out]
        trending = [(paper_id, wording.votes(papers.get(paper_id))) for paper_id in issue.trending]
        revised = [(paper_id, wording.version(papers.get(paper_id))) for paper_id in issue.revised]
        blocks: list[Block] = []
        for heading, items in (
            ("Just below the cut", left_out[:5]),
            ("Trending", trending),
            (REVISED, revised),
        ):
            known = [(papers[paper_id], note) for paper_id, note in items[:LINES] if paper_id in papers]
            if known:
                blocks.append(self._blocks.section(heading, ""))
                blocks += [self._blocks.line(paper, note) for paper, note in known]
        return blocks


def _attachment(issue: Issue, subscriber: Subscriber, papers: Mapping[str, Paper]) -> Attachment | None:
    """The papers as a file, if the subscriber asked for one."""
    wanted = FORMATS.get(subscriber.citations)
    shown = [papers[match.paper_id] for match in issue.shown if match.paper_id in papers][:CITED]
    if not wanted or not shown:
        return None
    return Attachment(wanted.content_type, wanted.filename, wanted.write(shown))


def fit(cards: Sequence[Block], lines: Sequence[Block], budget: int) -> tuple[int, int]:
    """How many papers stand in full, and up to which one the rest is named; the total is at most `budget`."""
    full, used = len(cards), size(cards)
    while full and used > budget:
        full -= 1
        used += lines[full].size - cards[full].size
    named = len(lines)
    while named > full and used > budget:
        named -= 1
        used -= lines[named].size
    return full, named
