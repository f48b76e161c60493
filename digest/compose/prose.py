"""Text as a reader sees it: cleaned, cut at a sentence, wrapped, marked, with its language. Pure."""

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

#: An abstract is cut after the last sentence that ends within this many characters.
EXCERPT = 520

_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_STACKED = re.compile("([\u0300-\u036f]{4})[\u0300-\u036f]+")
_BLANKS = re.compile(r"\s+")
_SENTENCE_END = re.compile(
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bet al\.)(?<!\bvs\.)(?<!\bcf\.)(?<!\b[A-Z]\.)(?<=[.!?])[\"')\]”’]*(?=\s)"
    r"|(?<=[。！？])"
)
_SCRIPTS = {
    "HEBREW": "he", "ARABIC": "ar", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "zh",
    "CYRILLIC": "ru", "GREEK": "el", "THAI": "th", "DEVANAGARI": "hi", "BENGALI": "bn", "ARMENIAN": "hy",
    "GEORGIAN": "ka",
}  # fmt: skip


class Run(NamedTuple):
    """A stretch of text, marked or not."""

    text: str
    marked: bool


def clean(text: str) -> str:
    """One line without controls, surrogates, direction overrides or towers of accents."""
    plain = _CONTROLS.sub("", _BLANKS.sub(" ", text))
    return _BLANKS.sub(" ", _STACKED.sub(r"\1", plain)).strip()


def excerpt(text: str, limit: int = EXCERPT) -> str:
    """The first sentences, as many as fit; where the first alone is too long, it is cut at a word."""
    if len(text) <= limit + limit // 5:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, limit // 3, limit + 1)]
    return text[: ends[-1]] if ends else shorten(text, limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head).rstrip(" ,;:.") + "…"


def runs(text: str, words: Sequence[str]) -> tuple[Run, ...]:
    """The text in stretches, marked where it is one of `words`, in any case, with or without an s."""
    wanted = sorted({word.strip() for word in words if word.strip()}, key=len, reverse=True)
    if not wanted:
        return (Run(text, False),) if text else ()
    word = "(?:" + "|".join(map(re.escape, wanted)) + ")(?:e?s)?"
    pieces = re.split(rf"(?<!\w)({word}(?:[ -]{word})*)(?!\w)", text, flags=re.IGNORECASE)
    return tuple(Run(piece, position % 2 == 1) for position, piece in enumerate(pieces) if piece)


def language(text: str) -> str:
    """The language that most letters' script stands for; `en` for Latin and for no letters."""
    counts: dict[str, int] = {}
    for character in text[:200]:
        if character.isalpha():
            script = unicodedata.name(character, "").split(" ", 1)[0]
            counts[script] = counts.get(script, 0) + 1
    if not counts:
        return "en"
    if {"HIRAGANA", "KATAKANA"} & counts.keys():
        return "ja"
    script = max(counts, key=lambda name: counts[name])
    return "fa" if script == "ARABIC" and set(text) & set("پچژگ") else _SCRIPTS.get(script, "en")


def direction(text: str) -> str:
    """`rtl` or `ltr`, by the first letter that has a direction."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def wrap(text: str, indent: str = "", width: int = 72) -> str:
    """Lines of at most `width` columns; an address or a long word is not broken."""
    if text.isascii() or not any(unicodedata.east_asian_width(c) in "WF" for c in text):
        return textwrap.fill(
            text, width, initial_indent=indent, subsequent_indent=indent,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(indent + line for line in _wide_lines(text, width - len(indent)))


def _wide_lines(text: str, width: int) -> list[str]:
    """Wrap text with characters of two columns, which may break anywhere."""
    lines, line, columns = [], "", 0
    for token in re.findall(
        r"[\u1100-\uffef\U00020000-\U0003ffff]|[^\s\u1100-\uffef\U00020000-\U0003ffff]+|\s", text
    ):
        size = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in token)
        if line and columns + size > width:
            lines.append(line.rstrip())
            line, columns = "", 0
        if line or not token.isspace():
            line, columns = line + token, columns + size
    return [*lines, line.rstrip()] if line.strip() else lines
