"""Blocks of a mail, in HTML and in text, encoded once and joined into any number of messages.

A block ends at a line end and holds a NUL where the reader's token goes. One that is the same for two
subscribers (a paper under a topic, a heading, a line) is rendered once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from digest.compose import mime
from digest.compose.cards import NAME, card, clean_title, safe_url
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


def block(html: str, text: str) -> Block:
    """Encode a piece; it ends with one line end."""
    html, text = html.rstrip("\n") + "\n", text.rstrip("\n") + "\n"
    html_bytes, text_bytes = mime.quoted_printable(html), mime.quoted_printable(text)
    tokens = html.count(mime.TOKEN) + text.count(mime.TOKEN)
    filled = len(html_bytes) + len(text_bytes) + tokens * (TOKEN_LENGTH - 1)
    return Block(html, text, html_bytes, text_bytes, filled)


def size(blocks: Iterable[Block]) -> int:
    """Octets of several blocks."""
    return sum(one.size for one in blocks)


class Blocks:
    """Renders blocks and keeps them: one object per pass."""

    def __init__(self, templates: Templates, links: Links) -> None:
        """Compile the templates now, so that a broken one stops the pass before anything is sent."""
        self._links = links
        self._fill = {
            name: (templates.renderer(f"{name}.html"), templates.renderer(f"{name}.txt"))
            for name in ("section", "card", "line")
        }
        self.card = lru_cache(maxsize=KEPT)(self._card)
        self.section = lru_cache(maxsize=KEPT)(self._section)
        self.line = lru_cache(maxsize=KEPT)(self._line)

    def _card(
        self, paper: Paper, score: float | None, because: tuple[str, ...], followed: frozenset[str]
    ) -> Block:
        """A paper in full, with the score and the reasons of its topic."""
        shown = card(paper, self._links, score=score, because=because, followed=followed)
        return self._block("card", paper=shown)

    def _section(self, heading: str, note: str) -> Block:
        """A heading, with one sentence under it or none."""
        heading = shorten(clean(heading), NAME)
        return self._block(
            "section", heading=heading, note=note, language=language(heading), direction=direction(heading)
        )

    def _line(self, paper: Paper, note: str) -> Block:
        """A paper as title and link alone."""
        title = clean_title(paper)
        return self._block(
            "line",
            title=title,
            url=safe_url(paper.url),
            note=note,
            language=language(title),
            direction=direction(title),
        )

    def _block(self, name: str, **values: object) -> Block:
        html, text = self._fill[name]
        return block(html(**values), text(**values))
