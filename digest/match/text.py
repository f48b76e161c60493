"""Words: how papers, topics and names become comparable. Pure; knows no topic.

A word is a run of letters and digits of one script, folded by NFKD without accents and case, so that
Schrödinger, SCHRÖDINGER and schrodinger are one word. `C++`, `C#` and `F#` are words. Chinese, Japanese
and Thai put no blanks between words: there each pair of neighbouring characters counts as a word.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock

import snowballstemmer

from digest.match.families import FIRST, american
from digest.models import Paper

#: Scripts that write without blanks: Thai to Myanmar, kana, Han (with its extensions), Khmer.
UNSPACED = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff"
UNSPACED += "\U00020000-\U0003ffff"
#: Signs inside words that `\w` does not hold: accents, Hebrew points, Arabic and Indic vowels.
SIGNS = "\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(rf"[{UNSPACED}]+|\b[A-Za-z](?:\+\+|#)(?![A-Za-z])|(?:[^\W_{UNSPACED}]|[{SIGNS}])+")
#: The same words where a text is ASCII, as nearly all are: found three times as fast.
_ASCII_WORD = re.compile(r"\b[A-Za-z](?:\+\+|#)(?![A-Za-z])|[A-Za-z0-9]+", re.ASCII)
IS_UNSPACED = re.compile(rf"[{UNSPACED}]")
IS_SIGN = re.compile(rf"[{SIGNS}]")

#: Marks that are written or left out at will: accents, Hebrew points, Arabic vowels.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u20d0-\u20ff\ufe20-\ufe2f]+")
#: More marks on one letter than Unicode's stream-safe format has (UAX #15): to sort them takes their square.
_HEAPED = re.compile("([\u0300-\u036f]{30})[\u0300-\u036f]+")
#: Letters that NFKD leaves whole although readers type them without the stroke.
_STROKES = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)

#: Marks that NFKD makes letters of: `Copilot™` is no `copilottm`.
_SIGNS_BESIDE = str.maketrans({"™": " ", "℠": " "})

#: The plural of an acronym, by its capitals, or where no vowel is left to tell: `LMs`, `MoEs`; `llms`. The
#: stemmer leaves an `s` behind that follows consonants alone.
_ACRONYMS = re.compile(r"\b([A-Z]\w*[A-Z])s\b", re.ASCII)
_CONSONANTS = re.compile(r"[b-df-hj-np-tv-xz]{2,}[b-df-hj-np-rtv-xz]s")

#: Names in capitals whose letters make stop words: no paper is found by these, but by what they stand for.
_NAMES = {"US": "USA", "WHO": "world health organization"}
_NAMED = re.compile(rf"\b(?:{'|'.join(_NAMES)})\b")

_TEX_ACCENT = re.compile(
    r"""\\(?:(["'`^~=.])\s*\{?\\?([A-Za-z])\}?|([uvHcdbtkr])(?:\s+|\{)\\?([A-Za-z])\}?)"""
)
_ACCENTS = dict(
    zip(
        "\"'`^~=.uvHcdbtkr",
        "\u0308\u0301\u0300\u0302\u0303\u0304\u0307\u0306\u030c\u030b\u0327\u0323\u0331\u0361\u0328\u030a",
        strict=True,
    )
)
_TEX_FONT = re.compile(
    r"\\(?:href|textcolor|color)\{[^{}]*\}|\\(?:math|text)(?:cal|rm|bf|it|sc|sf|sl|tt|up|bb|frak|scr)?\b\s*"
    r"|\\(?:bm|boldsymbol|emph|left|mbox|operatorname|right|underline)\b\s*|[${}]"
)
#: A note beside a word, which is not part of it.
_TEX_NOTE = re.compile(r"\\footnote(?:mark|text)?\b(?:\[[^\]]*\])?")

STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being
    below between both but by can cannot could did do does doing don down during each either etc few for
    from further had has have having he her here hers him his how however i if in into is it its itself
    just may me might more most must my neither no nor not of off on once only onto or other our ours
    out over own per s same she should so some such t than that the their theirs them themselves then
    there therefore these they this those through thus to too under until up upon us very via was we
    were what when where whether which while who whom whose why will with within without would you your
    yours""".split()  # noqa: SIM905 - a list would take a page
)

#: What people wrap around a topic when they tell it in a sentence; dropped from topics, not from papers.
ASKING_WORDS = frozenset(
    """anything article articles concerning dealing deals describe describes especially everything find gets
    give gives help helps ideally include includes including instead interested interesting latest like
    looking made mainly make makes mostly much namely need needs newest paper papers particular particularly
    please preferably publication publications read recent regarding related relevant researchers
    specifically stuff trying understand usually various want way ways whatever without""".split()  # noqa: SIM905
)

LONGEST = 100  # letters of a word that is stemmed

_stemmer = snowballstemmer.stemmer("english")
_stemming = Lock()  # a stemmer keeps its word in itself, and windows are indexed in threads


def plain(text: str) -> str:
    """`text` with TeX accents as letters, without fonts and dollar signs, in NFC: what words are cut from."""
    if "\\" in text or "$" in text:
        text = _TEX_FONT.sub("", _TEX_NOTE.sub(" ", _TEX_ACCENT.sub(_accented, text)))
    return text if text.isascii() else unicodedata.normalize("NFC", _HEAPED.sub(r"\1", text))


def full_text(paper: Paper) -> str:
    """What is read of a paper; no phrase begins in the title and ends in the abstract."""
    return f"{paper.title} | {paper.abstract}"


def short(text: str, most: int) -> str:
    """`text` on one line of at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"


def _accented(found: re.Match[str]) -> str:
    """The letter with its accent behind it; NFC joins them."""
    return (found[2] or found[4]) + _ACCENTS[found[1] or found[3]]


def fold(text: str) -> str:
    """`text` without case, accents and compatibility forms: `Schrödinger` -> `schrodinger`, `ﬁ` -> `fi`."""
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFKD", text.casefold().translate(_SIGNS_BESIDE))
    bare = _MARKS.sub("", bare)
    return unicodedata.normalize("NFC", bare).casefold().translate(_STROKES)


def surfaces(text: str) -> list[str]:
    """The words of `text` as they are written; unspaced scripts give each pair of characters."""
    bare = plain(text)
    if bare.isascii():
        return _ASCII_WORD.findall(bare)
    return [word for found in _WORD.findall(bare) for word in _cut(found)]


def _cut(found: str) -> Sequence[str]:
    """The words of one run of letters: pairs of characters where it is of an unspaced script."""
    if found.isascii() or len(found) < 2 or not IS_UNSPACED.match(found):
        return (found,)
    return [found[i : i + 2] for i in range(len(found) - 1)]


@lru_cache(maxsize=1 << 16)
def normal(text: str) -> str:
    """What two ways of typing a topic have in common: NFKC, without TeX, case and needless blanks."""
    bare = plain(text)
    if not bare.islower():
        bare = _ACRONYMS.sub(r"\1", bare)  # for without case their plural cannot be told
        # in capitals alone WHO is no name: a heading is written so
        if any(name in bare for name in _NAMES) and (bare in _NAMES or not bare.isupper()):
            bare = _NAMED.sub(lambda found: _NAMES[found[0]], bare)
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())


@lru_cache(maxsize=1 << 16)  # the words of some weeks, 20 MB
def term(word: str) -> str:
    """What two spellings of a word have in common: folded and stemmed; empty for a stop word."""
    bare = _ACRONYMS.sub(r"\1", word) if word.endswith("s") else word
    bare = _NAMES[bare] if bare == "US" else bare  # `WHO` would be three words
    folded = bare.lower() if bare.isascii() else "".join(fold(bare).split())  # some signs make several words
    if folded in STOP_WORDS:
        return ""
    if not folded.isascii():
        return folded
    return _stem(folded[:-1] if folded.endswith("s") and _CONSONANTS.fullmatch(folded) else folded)


@lru_cache(maxsize=1 << 15)
def _stem(word: str) -> str:
    """What stands for an English word; kept, for stemming costs more than all else that a word meets."""
    if len(word) > LONGEST:  # no English word, and the stemmer takes seconds for a megabyte
        return word
    with _stemming:
        stem: str = _stemmer.stemWord(american(word))
    return FIRST.get(stem, stem)


def terms(text: str) -> list[str]:
    """The terms of `text` in their order, stop words left out."""
    return [found for word in surfaces(text) if (found := term(word))]


@lru_cache(maxsize=1 << 10)  # a block of topics: its words and its meanings both ask
def topic_terms(text: str) -> tuple[str, ...]:
    """The terms of a topic, without the words that people only ask with, if others remain."""
    words = surfaces(text)
    return tuple(filter(None, map(_telling, words))) or tuple(filter(None, map(term, words)))


@lru_cache(maxsize=1 << 16)
def _telling(word: str) -> str:
    """The term of a word of a topic; empty for a word that people only ask with."""
    return "" if fold(word) in ASKING_WORDS else term(word)
