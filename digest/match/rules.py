"""The reader's explicit rules: keywords, exclude, authors, categories. Pure; knows no scores.

A keyword is found at word boundaries, whatever its case, accents, hyphens and plural: `RAG` is not in
`storage`, `diffusion model` is in `Diffusion-models`, `C++` and `O(n)` are taken literally.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from digest.match.index import Index
from digest.match.names import is_same_person, parse
from digest.match.text import IS_UNSPACED, STOP_WORDS, fold, plain
from digest.models import Topic

_GAP = re.compile(r"[\s\-\u2010-\u2015_/]+")
_SIGN = re.compile(r"[^a-z0-9]+")
_GAP_PATTERN = r"[\s\-\u2010-\u2015_/]+"


@dataclass(frozen=True, eq=False, slots=True)
class Ruling:
    """What the rules say of a topic: who may not be shown, who must, and the reasons."""

    barred: npt.NDArray[np.bool_]  # of each paper: is it kept out?
    certain: Mapping[int, str]  # papers of the topic's authors, with the author as typed
    holders: Mapping[str, frozenset[int]]  # the papers that hold each keyword
    excluded: Mapping[str, frozenset[int]]  # those that hold each excluded word
    filed: Mapping[str, frozenset[int]]  # those of each category

    def keywords_in(self, number: int) -> list[str]:
        """The keywords that a paper holds."""
        return [keyword for keyword, numbers in self.holders.items() if number in numbers]

    def categories_of(self, number: int) -> list[str]:
        """Those of the topic's categories that a paper is filed under."""
        return [category for category, numbers in self.filed.items() if number in numbers]

    def losses(self, numbers: frozenset[int]) -> Iterator[tuple[str, int]]:
        """Which rules keep some of these papers out, in words, and how many each."""
        lost = numbers.difference(self.certain)
        for word, holding in self.excluded.items():
            yield f"with the excluded “{word}”", len(lost & holding)
        if self.holders:
            yield "without any of the keywords", len(lost.difference(*self.holders.values()))
        if self.filed:
            yield f"outside {', '.join(self.filed)}", len(lost.difference(*self.filed.values()))


NO_RULES = Ruling(np.zeros(0, bool), {}, {}, {}, {})


def judge(index: Index, topic: Topic) -> Ruling:
    """Apply the rules of `topic` to every paper of the index; the same rules are applied once."""
    rules = (topic.keywords, topic.exclude, topic.authors, topic.categories)
    if not any(rules):
        return NO_RULES
    found = index.rulings.get(rules)
    if found is None:
        found = _judge(index, *rules)
        index.rulings.keep(rules, found)
    return found


def _judge(
    index: Index,
    keywords: Iterable[str],
    exclude: Iterable[str],
    authors: Iterable[str],
    within: Iterable[str],
) -> Ruling:
    holders = {keyword: _holding(index, keyword) for keyword in keywords}
    excluded = {word: _holding(index, word) for word in exclude}
    filed = {category: _filed_under(index, category) for category in within}
    barred = np.zeros(len(index.papers), bool)
    for rule in (holders, filed):
        if rule:
            barred |= ~_mask(index, rule.values())
    barred |= _mask(index, excluded.values())
    return Ruling(barred, _written_by(index, authors), holders, excluded, filed)


def _mask(index: Index, either: Iterable[frozenset[int]]) -> npt.NDArray[np.bool_]:
    """Of each paper whether it is in one of the sets."""
    mask = np.zeros(len(index.papers), bool)
    for numbers in either:
        mask[[*numbers]] = True
    return mask


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword as it is looked for in folded text."""

    start: str  # how each occurrence begins
    pattern: re.Pattern[str]
    forms: frozenset[str] = frozenset()  # of one plain word: what it is found as; empty for other keywords

    def occurs(self, folded: str) -> bool:
        """Does the text hold it? Finding the start first is ten times faster than a search."""
        place = folded.find(self.start) if self.start else -1
        while place >= 0:
            if self.pattern.match(folded, place):
                return True
            place = folded.find(self.start, place + 1)
        return False


def holds(text: str, keyword: str) -> bool:
    """Does `text`, any text, hold the keyword?"""
    return read_keyword(keyword).occurs(fold(plain(text)))


@lru_cache(maxsize=4096)
def read_keyword(keyword: str) -> Keyword:
    """Read a keyword as typed; one without letters and signs occurs nowhere."""
    bare = plain(keyword).strip()
    chunks = [chunk for chunk in _GAP.split(fold(bare)) if chunk]
    if not chunks:
        return Keyword("", re.compile(r"(?!)"))
    *first, last = chunks
    singular, endings = _plural(last, shouted=_GAP.split(bare)[-1].isupper())
    body = _GAP_PATTERN.join([*map(re.escape, first), f"{re.escape(singular)}(?:{'|'.join(endings)})"])
    pattern = re.compile(_start(chunks[0]) + body + _end(last))
    is_word = not first and last.isascii() and _is_plain(last)
    forms = frozenset(singular + ending for ending in endings) if is_word else frozenset[str]()
    return Keyword(first[0] if first else singular, pattern, forms)


def _plural(word: str, *, shouted: bool) -> tuple[str, Sequence[str]]:
    """What singular and plural of a word share, and their endings; acronyms (`AIDS`) stay whole."""
    if not word.isalpha() or len(word) < 3 or IS_UNSPACED.match(word[-1]):
        return word, ("",)
    if not shouted and len(word) > 4 and word.endswith(("ies", "y")):
        return word.removesuffix("ies").removesuffix("y"), ("y", "ies", "ys")
    if not shouted and len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1], ("", "s", "es")
    return word, ("", "s", "es")


def _start(chunk: str) -> str:
    return r"(?<!\w)" if chunk[0].isalnum() and not IS_UNSPACED.match(chunk[0]) else ""


def _end(chunk: str) -> str:
    if not chunk[-1].isalnum() or IS_UNSPACED.match(chunk[-1]):
        return ""
    # `C` alone is neither `C++` nor `C#`.
    return r"(?![\w+#])" if len(chunk) == 1 else r"(?!\w)"


def _holding(index: Index, keyword: str) -> frozenset[int]:
    """The papers that hold the keyword; looked up once an index."""
    if keyword not in index.holding:
        wanted, folded = read_keyword(keyword), index.folded
        told = index.simple if wanted.forms else frozenset[int]()
        unsure = (number for number in _candidates(index, keyword) if number not in told)
        read = (number for number in unsure if wanted.occurs(folded[number]))
        index.holding[keyword] = (told & index.writing(wanted.forms)).union(read)
    return index.holding[keyword]


def _candidates(index: Index, keyword: str) -> Iterable[int]:
    """The papers with the rarest plain word of the keyword in some form; without such a word, all."""
    chunks = _GAP.split(fold(plain(keyword)))
    words = [word for chunk in chunks for word in (_SIGN.split(chunk) if chunk.isascii() else [chunk])]
    found = [index.writing(_forms(word)) for word in words if _is_plain(word)]
    return min(found, key=len, default=range(len(index.papers)))


def _is_plain(chunk: str) -> bool:
    is_word = len(chunk) > 2 and chunk.isalnum() and not IS_UNSPACED.search(chunk)
    return is_word and STOP_WORDS.isdisjoint(_forms(chunk))  # stop words are not kept by the index


def _forms(word: str) -> set[str]:
    """The spellings that a keyword lets through, shouted or not."""
    ways = (_plural(word, shouted=shouted) for shouted in (False, True))
    return {stem + ending for stem, endings in ways for ending in endings}


def _filed_under(index: Index, category: str) -> frozenset[int]:
    return index.filed.get(category.casefold(), frozenset())


def _written_by(index: Index, authors: Iterable[str]) -> dict[int, str]:
    return {
        number: author
        for author in authors
        for number, name in index.signed.get(parse(author).family, ())
        if is_same_person(author, name)
    }
