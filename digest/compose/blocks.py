"""Blocks of a mail, in HTML and in text, encoded once and joined into any number of messages.

A block ends at a line end and holds a NUL where the reader's token goes. One that is the same for two
subscribers (a paper under a topic, a heading, a line) is rendered once.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from digest.compose import mime
from digest.compose.cards import NAME, card, clean_title, folded, safe_url
from digest.compose.prose import clean, direction, language, shorten
from digest.compose.templates import Templates
from digest.links import TOKEN_LENGTH, Links
from digest.models import Paper

#: Blocks that are kept, about 12 kB each.
KEPT = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A piece of both parts, as text and as it stands in the message."""

    html: str
    text: str
    html_bytes: bytes
    text_bytes: bytes
    size: int  # octets in the message, tokens filled in


def block(html: str, text: str, encode: Callable[[str], bytes] = mime.quoted_printable) -> Block:
    """Encode a piece; it ends with one line end."""
    html, text = html.rstrip("\n") + "\n", text.rstrip("\n") + "\n"
    html_bytes, text_bytes = encode(html), encode(text)
    tokens = html.count(mime.TOKEN) + text.count(mime.TOKEN)
    filled = len(html_bytes) + len(text_bytes) + tokens * (TOKEN_LENGTH - 1)
    return Block(html, text, html_bytes, text_bytes, filled)


def size(blocks: Iterable[Block]) -> int:
    """Octets of several blocks."""
    return sum(one.size for one in blocks)


class Blocks:
    """Renders blocks and keeps them: one object per pass."""

    def __init__(self, templates: Templates, links: Links) -> None:
        """Compile the templates. Raises TemplateError."""
        self._links = links
        self._fill = {
            name: (templates.renderer(f"{name}.html"), templates.renderer(f"{name}.txt"))
            for name in ("section", "card", "line")
        }
        self._kept: dict[Hashable, tuple[Paper | None, Block]] = {}

    def card(
        self, paper: Paper, score: int | None, because: tuple[str, ...], followed: frozenset[str]
    ) -> Block:
        """A paper in full, with the score and the reasons of its topic; `followed` are folded names."""
        marked = followed and followed.intersection(map(folded, paper.authors))

        def make() -> Block:
            shown = card(paper, self._links, score=score, because=because, followed=marked)
            return self._block("card", **shown)

        return self._keep((paper.id, score, because, marked), paper, make)

    def section(self, heading: str, note: str) -> Block:
        """A heading, with one sentence under it or none."""

        def make() -> Block:
            plain = shorten(clean(heading), NAME)
            marks = {"language": language(plain), "direction": direction(plain)}
            return self._block("section", heading=plain, note=note, **marks)

        return self._keep((heading, note), None, make)

    def line(self, paper: Paper, note: str) -> Block:
        """A paper as title and link alone."""

        def make() -> Block:
            title = clean_title(paper)
            marks = {"language": language(title), "direction": direction(title)}
            return self._block("line", title=title, url=safe_url(paper.url), note=note, **marks)

        return self._keep((paper.id, note, "line"), paper, make)

    def _block(self, name: str, **values: object) -> Block:
        html, text = self._fill[name]
        return block(html(**values), text(**values))

    def _keep(self, key: Hashable, paper: Paper | None, make: Callable[[], Block]) -> Block:
        """The block of this key, unless its paper has changed since (a new version, more votes)."""
        kept = self._kept.get(key)
        if kept and (kept[0] is paper or kept[0] == paper):
            return kept[1]
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        made = make()
        self._kept[key] = (paper, made)
        return made
