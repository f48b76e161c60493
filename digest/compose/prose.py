"""Text as a reader sees it: cleaned, cut at a sentence, wrapped, marked, with its language. Pure."""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

#: An abstract is cut after the last sentence that ends within this many characters.
EXCERPT = 520

_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_STACKED = re.compile("([\u0300-\u036f]{4})[\u0300-\u036f]+")
_WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\uff60\U00020000-\U0003ffff]")
_TOKENS = re.compile(rf" ?(?:{_WIDE.pattern}|(?:(?!{_WIDE.pattern})[^ ])+)| ")
_WORD = re.compile(r"(\b[A-Za-z](?:\+\+|#)(?![A-Za-z])|\w+)")
#: Words with an s of their own, which is no sign of many.
_OWN_S = frozenset(["aids", "bias", "lens", "news"])
#: What makes a phrase more than its words, as in `O(n)`.
_SIGNS = re.compile(r"[^\w\s'’\u2010-\u2015-]")
_SENTENCE_END = re.compile(
    r"[.!?。！？](?:(?<=[。！？])|(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bet al\.)(?<!\bvs\.)(?<!\bcf\.)"
    r"(?<!\b[A-Z]\.)[\"')\]”’]*(?=\s))"
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
    line = text.strip(" ") if text.isprintable() and "  " not in text else " ".join(text.split())
    if line.isprintable():  # then there is no control among it
        return line if line.isascii() else _STACKED.sub(r"\1", line)
    return " ".join(_STACKED.sub(r"\1", _CONTROLS.sub("", line)).split())


def excerpt(text: str, limit: int = EXCERPT) -> str:
    """The first sentences, as many as fit; where the first alone is too long, it is cut at a word."""
    if len(text) <= limit + limit // 5:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, limit // 3 - 1, limit + 1)]
    return text[: ends[-1]] if ends else shorten(text, limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head).rstrip(" ,;:.") + "…"


def runs(text: str, phrases: Sequence[str]) -> tuple[Run, ...]:
    """The text in stretches, marked where it says one of `phrases`, in any case, with or without an s."""
    wanted: dict[str, list[_Phrase]] = {}
    for phrase in map(_read_phrase, phrases):
        if phrase.words:
            wanted.setdefault(phrase.words[0], []).append(phrase)
    if not wanted:
        return (Run(text, False),) if text else ()
    bounds, stems = _read(text)
    marked = [
        phrase.span(text, bounds[2 * number], bounds[2 * (number + len(phrase.words)) - 1])
        for number in [number for number, stem in enumerate(stems) if stem in wanted]
        for phrase in wanted[stems[number]]
        if stems[number : number + len(phrase.words)] == phrase.words
    ]
    return tuple(_cut(text, _joined(text, [span for span in marked if span])))


class _Phrase(NamedTuple):
    """What is marked."""

    words: tuple[str, ...]  # their stems
    signed: str  # folded, if signs belong to it: then it is marked as it stands alone
    lead: int  # of these the signs before the first word

    def span(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """From where to where it is marked, where its words stand from `start` to `end`; None: it is not."""
        if not self.signed:
            return start, end
        start = max(start - self.lead, 0)
        found = text[start : start + len(self.signed)]
        return (start, start + len(found)) if found.casefold() == self.signed else None


@lru_cache(maxsize=4096)
def _read_phrase(phrase: str) -> _Phrase:
    first = _WORD.search(phrase)
    signed = phrase.casefold() if _SIGNS.search(phrase) else ""
    return _Phrase(_stems(_WORD.findall(phrase)), signed, first.start() if first else 0)


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple["array[int]", tuple[str, ...]]:
    """Where the words of a text begin and end, one after the other, and their stems; 7 kB."""
    pieces = _WORD.split(text)  # what stands between words, a word, and so on
    bounds = array("L", accumulate(map(len, pieces)))
    return bounds[:-1], _stems(pieces[1::2])


def _stems(words: Sequence[str]) -> tuple[str, ...]:
    """The words folded, without an s at the end."""
    folded = map(str.casefold, words)
    return tuple(
        [word[:-1] if word[-1] == "s" and len(word) > 3 and word not in _OWN_S else word for word in folded]
    )


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that overlap, or have one blank or hyphen between them, as one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and text[joined[-1][1] : start] in ("", " ", "-"):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[Run]:
    position = 0
    for start, end in spans:
        if start > position:
            yield Run(text[position:start], False)
        yield Run(text[start:end], True)
        position = end
    if position < len(text):
        yield Run(text[position:], False)


def language(text: str) -> str:
    """The language that most letters' script stands for; `en` for Latin and for no letters."""
    if text.isascii():
        return "en"
    scripts = Counter(
        "LATIN" if character.isascii() else unicodedata.name(character, "").partition(" ")[0]
        for character in text[:200]
        if character.isalpha()
    )
    if scripts["HIRAGANA"] or scripts["KATAKANA"]:
        return "ja"
    script = scripts.most_common(1)[0][0] if scripts else ""
    return "fa" if script == "ARABIC" and set(text) & set("پچژگ") else _SCRIPTS.get(script, "en")


def direction(text: str) -> str:
    """`rtl` or `ltr`, by the first letter that has a direction."""
    if text.isascii():
        return "ltr"
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


@lru_cache(maxsize=2048)
def wrap(text: str, indent: str = "", width: int = 72) -> str:
    """Lines of at most `width` columns; an address or a long word is not broken, East Asian text anywhere."""
    room = width - len(indent)
    if text.isascii() or not _WIDE.search(text):
        lines = [line.rstrip(" ") for line in _lines_of(room).findall(text)]
    else:
        lines = _wide_lines(text, room)
    return "\n".join(indent + line for line in lines)


@lru_cache(maxsize=64)
def _lines_of(room: int) -> re.Pattern[str]:
    """As much as ends before a blank within `room` characters, else one long word."""
    return re.compile(rf"[^ ].{{0,{max(room, 1) - 1}}}(?= |$)|[^ ]+")


def _wide_lines(text: str, room: int) -> list[str]:
    """Lines of text with characters that take two columns and may begin a line anywhere."""
    lines, line = [], ""
    for token in _TOKENS.findall(text):
        if line and _columns(line + token) > room:
            lines.append(line.rstrip(" "))
            line = ""
        line += token if line else token.lstrip(" ")
    return [*lines, line.rstrip(" ")] if line else lines


def _columns(word: str) -> int:
    """Columns of a terminal; East Asian characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in word)
