"""Blocks of a mail, in HTML and in text, encoded once and joined into any number of messages.

A block ends at a line end and holds a NUL where the reader's token goes. One that is the same for two
subscribers (a paper under a topic, a heading, a line) is rendered once.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from markupsafe import Markup, escape

from digest.compose import mime
from digest.compose.cards import (
    authors_in,
    card,
    clean_abstract,
    clean_title,
    folded,
    reasons,
    safe_url,
    topic_name,
)
from digest.compose.prose import direction, language, runs, wrap
from digest.compose.templates import Templates
from digest.links import TOKEN_LENGTH, Links
from digest.models import Paper

#: Blocks that are kept, and cards to be filled; about 5 kB each.
KEPT = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A piece of both parts, as it stands in the message."""

    html: bytes
    text: bytes
    size: int  # octets, tokens filled in


def block(html: str, text: str) -> Block:
    """Encode a piece; it ends with one line end."""
    return measured(mime.quoted_printable(html), mime.quoted_printable(text))


def measured(html: bytes, text: bytes) -> Block:
    """A piece that is encoded already."""
    tokens = html.count(b"\0") + text.count(b"\0")
    return Block(html, text, len(html) + len(text) + tokens * (TOKEN_LENGTH - 1))


def size(blocks: Iterable[Block]) -> int:
    """Octets of several blocks."""
    return sum([one.size for one in blocks])


class Blocks:
    """Renders blocks and keeps them: one object per pass.

    A card is rendered once per paper, with slots where the abstract and the reasons go: two readers
    mostly get a paper for different reasons, and marking words is much cheaper than a template.
    """

    def __init__(self, templates: Templates, links: Links) -> None:
        """Compile the templates. Raises TemplateError."""
        self._links = links
        self._fill = {
            name: (templates.renderer(f"{name}.html"), templates.renderer(f"{name}.txt"))
            for name in ("section", "card", "line")
        }
        self._why = templates.renderer("why.txt")
        mark = templates.renderer("mark.html")(words=mime.ABSTRACT).rstrip("\n")
        self._mark = mark.split(mime.ABSTRACT)
        if len(self._mark) != 2:
            raise templates.lacks("mark.html", "words")
        self._kept: dict[Hashable, tuple[Paper | None, Block]] = {}
        self._cut: dict[Hashable, tuple[Paper, mime.Pieces, mime.Pieces]] = {}
        self._lock = Lock()

    def card(
        self, paper: Paper, score: int | None, because: tuple[str, ...], followed: frozenset[str]
    ) -> Block:
        """A paper in full, with the score and the reasons of its topic; `followed` are folded names."""
        marked = followed and followed.intersection(map(folded, paper.authors))
        key = (paper.id, score, because, marked)
        if kept := self._kept_for(key, paper):
            return kept
        abstract = clean_abstract(paper.abstract)
        given = reasons(because, abstract)
        why = self._why(because=given, score=score).strip() if given else ""
        html, text = self._pieces(paper, marked | authors_in(because, paper), bool(why))
        slots = {mime.ABSTRACT: self.marked(abstract, given), mime.WHY: escape(why)}
        filled = mime.fill(html, slots), mime.fill(text, {mime.WHY: wrap(why)})
        return self._remember(key, paper, measured(*filled))

    def marked(self, abstract: str, words: Sequence[str]) -> str:
        """The abstract in HTML, the words that matched in the template `mark`."""
        before, after = self._mark
        return "".join(
            f"{before}{escape(text)}{after}" if is_marked else escape(text)
            for text, is_marked in runs(abstract, words)
        )

    def _pieces(self, paper: Paper, marked: frozenset[str], why: bool) -> tuple[mime.Pieces, mime.Pieces]:
        """Both parts of a paper's card, cut at their slots."""
        key = (paper.id, marked, why)
        kept = self._cut.get(key)
        if kept and (kept[0] is paper or kept[0] == paper):
            return kept[1:]
        shown = card(paper, self._links, marked)
        abstract = clean_abstract(paper.abstract)
        reason = Markup(mime.WHY) if why else ""
        html, text = self._fill["card"]
        cut = mime.cut(html(**shown, abstract=abstract and Markup(mime.ABSTRACT), why=reason))
        made = (paper, cut, mime.cut(text(**shown, abstract=abstract, why=reason)))
        self._put(self._cut, key, made)
        return made[1:]

    def section(self, heading: str, note: str = "", url: str | None = None) -> Block:
        """A heading; under it one sentence and the address of the whole issue, if there are."""
        key = (heading, note, url)
        if kept := self._kept_for(key, None):
            return kept
        plain = topic_name(heading)
        marks = {"language": language(plain), "direction": direction(plain)}
        return self._keep(key, None, "section", {"heading": plain, "note": note, "url": url, **marks})

    def line(self, paper: Paper, note: str) -> Block:
        """A paper as title and link alone."""
        key = (paper.id, note, "line")
        if kept := self._kept_for(key, paper):
            return kept
        title = clean_title(paper)
        marks = {"language": language(title), "direction": direction(title)}
        return self._keep(
            key, paper, "line", {"title": title, "url": safe_url(paper.url), "note": note, **marks}
        )

    def _kept_for(self, key: Hashable, paper: Paper | None) -> Block | None:
        """The block of this key, unless its paper has changed since (a new version, more votes)."""
        kept = self._kept.get(key)
        if kept is None or kept[0] is paper:
            return kept and kept[1]
        if kept[0] != paper:
            return None
        self._kept[key] = (paper, kept[1])  # every batch reads its papers anew: compare once a batch
        return kept[1]

    def _keep(self, key: Hashable, paper: Paper | None, name: str, values: Mapping[str, Any]) -> Block:
        """Render a block and keep it."""
        html, text = self._fill[name]
        return self._remember(key, paper, block(html(**values), text(**values)))

    def _remember(self, key: Hashable, paper: Paper | None, made: Block) -> Block:
        self._put(self._kept, key, (paper, made))
        return made

    def _put(self, kept: dict[Hashable, Any], key: Hashable, value: object) -> None:
        """Keep it; the oldest go first, as a dictionary keeps its order. Batches render in threads."""
        with self._lock:
            while len(kept) >= KEPT:
                del kept[next(iter(kept))]
            kept[key] = value
