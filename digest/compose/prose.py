"""Text of papers as a reader sees it: cleaned, cut at a sentence, wrapped, with its language. Pure."""

import re
import textwrap
import unicodedata

_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_BLANKS = re.compile(r"\s+")
_SENTENCE_END = re.compile(
    r"(?<=[.!?。！？])[\"')\]”’]*(?:\s+(?=[A-Z0-9\"'(“‘\[¿¡À-ÞΑ-ΩА-Я]|[^\x00-\u024f])|(?<=[。！？])|$)"
)

#: An abstract is cut after the last sentence that ends within this many characters.
EXCERPT = 560


def clean(text: str) -> str:
    """One line without controls, surrogates or direction overrides."""
    return _BLANKS.sub(" ", _CONTROLS.sub("", _BLANKS.sub(" ", text))).strip()


def excerpt(text: str, limit: int = EXCERPT) -> str:
    """The first sentences, as many as fit; one that alone is too long is cut at a word."""
    if len(text) <= limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, limit + 1) if match.start() > limit // 3]
    if ends:
        return text[: ends[-1]].rstrip()
    return text[:limit].rsplit(" ", 1)[0].rstrip(" ,;:") + " …"


def direction(text: str) -> str:
    """`rtl` or `ltr`, by the first letter that has a direction."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def wrap(text: str, *, indent: str = "", width: int = 72) -> str:
    """Lines of at most `width` columns; an address or a long word is not broken."""
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
