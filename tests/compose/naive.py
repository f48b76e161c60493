"""The plain way to a mail, one template and one inlining a subscriber: the oracle of the fast way.

Fills the shipped templates as they stand in their files, writes the CSS into the whole page, and lets
`email.message` make the bytes. Nothing is kept from one mail to the next but the compiled templates.
"""

from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from digest.compose import prose, wording
from digest.compose.body import LEFT_OUT, LINES
from digest.compose.cards import (
    authors_in,
    card,
    clean_abstract,
    clean_name,
    clean_title,
    folded,
    reasons,
    safe_url,
)
from digest.compose.fields import issue_fields
from digest.compose.mime import TOKEN
from digest.links import Links
from digest.models import Issue, Match, Paper, Site, Subscriber
from tests.make import NOW

FOLDER = Path(__file__).parents[2] / "templates" / "email"
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)
_CACHES = (prose.wrap, clean_abstract, clean_name, safe_url)


class Naive:
    """Mails of a site, each made from scratch."""

    def __init__(self, site: Site, links: Links) -> None:
        self.site = site
        self.links = links
        self.style = (FOLDER / "style.css").read_text()
        self.environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=lambda name: bool(name) and str(name).endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.environment.filters["wrap"] = prose.wrap

    def message(
        self, issue: Issue, reader: Subscriber, papers: Mapping[str, Paper], message_id: str
    ) -> bytes:
        for cache in _CACHES:
            cache.cache_clear()
        subject = wording.subject(issue, papers)
        html = self.page("html", issue, reader, papers, subject)
        html = html.replace('<link rel="stylesheet" href="style.css">', f"<style>{self.style}</style>")
        message = EmailMessage()
        fields = issue_fields(
            self.site, self.links, issue, reader, subject=subject, message_id=message_id, at=NOW
        )
        for name, value in fields:
            if "=?" not in value:
                message[name] = value
        message.set_content(self.page("txt", issue, reader, papers, subject))
        message.add_alternative(_inliner.inline(html), subtype="html")
        return message.as_bytes()

    def page(
        self, kind: str, issue: Issue, reader: Subscriber, papers: Mapping[str, Paper], subject: str
    ) -> str:
        token = self.links.reader(reader.id, issue.id or 0)
        body = Markup("".join(self.blocks(kind, issue, reader, papers)).replace(TOKEN, token))
        following = wording.following([topic.name for topic in reader.topics])
        return self.fill(
            f"digest.{kind}",
            **wording.imprint(self.site),
            home=self.links.home(),
            online=self.links.online(token) if issue.id else None,
            manage=self.links.manage(reader.id, NOW),
            unsubscribe=self.links.unsubscribe(reader.token),
            subject=subject,
            preheader=wording.preheader(issue, papers),
            date=wording.date(issue, reader),
            sentence=wording.sentence(issue, reader),
            note=wording.note(issue),
            following=prose.wrap(following) if kind == "txt" else following,
            body=body,
        )

    def blocks(self, kind: str, issue: Issue, reader: Subscriber, papers: Mapping[str, Paper]) -> list[str]:
        followed = frozenset(folded(name) for topic in reader.topics for name in topic.authors)
        out: list[str] = []
        for topic in dict.fromkeys(match.topic for match in issue.shown):
            out.append(self.section(kind, topic))
            for match in issue.shown:
                if match.topic == topic:
                    out.append(self.card(kind, papers[match.paper_id], match, followed))
        left_out = [(match.paper_id, f"score {match.score:.0f}") for match in issue.left_out[:LEFT_OUT]]
        trending = [(paper_id, wording.votes(papers[paper_id])) for paper_id in issue.trending[:LINES]]
        revised = [(paper_id, wording.version(papers[paper_id])) for paper_id in issue.revised[:LINES]]
        notes = (wording.matched(issue), "", "")
        for heading, about, items in zip(wording.LISTS, notes, (left_out, trending, revised), strict=True):
            if items:
                out.append(self.section(kind, heading, about))
                out += [self.line(kind, papers[paper_id], note) for paper_id, note in items]
        return [piece.rstrip("\n") + "\n" for piece in out]

    def card(self, kind: str, paper: Paper, match: Match, followed: frozenset[str]) -> str:
        text = clean_abstract(paper.abstract)
        given = reasons(match.because, text)
        why = self.fill("why.txt", because=given, score=round(match.score)).strip() if given else ""
        abstract: str = text
        if kind == "html":
            stretches = prose.runs(text, given)
            abstract = Markup("").join(
                Markup("<mark>{}</mark>").format(words) if marked else words for words, marked in stretches
            )
        why = prose.wrap(why) if kind == "txt" else why
        shown = card(paper, self.links, followed | authors_in(match.because, paper))
        return self.fill(f"card.{kind}", **shown, abstract=abstract, why=why)

    def section(self, kind: str, heading: str, note: str = "") -> str:
        marks = {"language": prose.language(heading), "direction": prose.direction(heading)}
        return self.fill(f"section.{kind}", heading=heading, note=note, url=None, **marks)

    def line(self, kind: str, paper: Paper, note: str) -> str:
        title = clean_title(paper)
        marks = {"language": prose.language(title), "direction": prose.direction(title)}
        return self.fill(f"line.{kind}", title=title, url=safe_url(paper.url), note=note, **marks)

    def fill(self, name: str, **values: Any) -> str:
        return self.environment.get_template(name).render(**values)
