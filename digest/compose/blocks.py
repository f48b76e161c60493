"""Blocks of a mail, in HTML and in text, encoded once and joined into any number of messages.

A block ends at a line end and holds a NUL where the reader's token goes. One that is the same for two
subscribers (a paper under a topic, a heading, a line) is rendered once.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from digest.compose import mime
from digest.compose.cards import NAME, card, clean_title, folded, safe_url
from digest.compose.prose import clean, direction, language, shorten
from digest.compose.templates import Templates
from digest.links import TOKEN_LENGTH, Links
from digest.models import Paper

#: Blocks that are kept, about 4 kB each.
KEPT = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A piece of both parts, as it stands in the message."""

    html: bytes
    text: bytes
    size: int  # octets, tokens filled in


def block(html: str, text: str, encode: Callable[[str], bytes] = mime.quoted_printable) -> Block:
    """Encode a piece; it ends with one line end."""
    html, text = html.rstrip("\n") + "\n", text.rstrip("\n") + "\n"
    html_bytes, text_bytes = encode(html), encode(text)
    tokens = html.count(mime.TOKEN) + text.count(mime.TOKEN)
    filled = len(html_bytes) + len(text_bytes) + tokens * (TOKEN_LENGTH - 1)
    return Block(html_bytes, text_bytes, filled)


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
        key = (paper.id, score, because, marked)
        return self._kept_for(key, paper) or self._keep(
            key, paper, "card", card(paper, self._links, score=score, because=because, followed=marked)
        )

    def section(self, heading: str, note: str) -> Block:
        """A heading, with one sentence under it or none."""
        key = (heading, note)
        if kept := self._kept_for(key, None):
            return kept
        plain = shorten(clean(heading), NAME)
        marks = {"language": language(plain), "direction": direction(plain)}
        return self._keep(key, None, "section", {"heading": plain, "note": note, **marks})

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
        return kept[1] if kept and (kept[0] is paper or kept[0] == paper) else None

    def _keep(self, key: Hashable, paper: Paper | None, name: str, values: Mapping[str, Any]) -> Block:
        """Render a block and keep it; the oldest ones make room."""
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        html, text = self._fill[name]
        made = block(html(**values), text(**values))
        self._kept[key] = (paper, made)
        return made
