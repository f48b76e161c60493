"""The reader's explicit rules: keywords, exclude, authors, categories. Pure; knows no scores.

A keyword is found at word boundaries, whatever its case, accents, hyphens and plural: `RAG` is not in
`storage`, `diffusion model` is in `Diffusion-models`, `C++` and `O(n)` are taken literally.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.match.index import Index
from digest.match.names import is_same_person
from digest.match.text import IS_UNSPACED, fold, plain
from digest.models import Paper, Topic

_GAP = re.compile(r"[\s\-\u2010-\u2015_/]+")
_GAP_PATTERN = r"[\s\-\u2010-\u2015_/]+"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of a topic: who may be shown, who must, and the reasons."""

    allowed: frozenset[int] | None  # None: every paper
    forbidden: frozenset[int]
    certain: Mapping[int, str]  # papers of the topic's authors, with the author as typed
    keywords: Mapping[int, tuple[str, ...]]  # the keywords that a paper holds

    def allows(self, number: int) -> bool:
        """May this paper be shown under the topic?"""
        if number in self.certain:
            return True
        return number not in self.forbidden and (self.allowed is None or number in self.allowed)


def judge(index: Index, topic: Topic) -> Ruling:
    """Apply the rules of `topic` to every paper of the index."""
    holders = {keyword: _holding(index, keyword) for keyword in topic.keywords}
    allowed: frozenset[int] | None = None
    if topic.keywords:
        allowed = frozenset().union(*holders.values())
    if topic.categories:
        filed = _filed_under(index, topic.categories)
        allowed = filed if allowed is None else allowed & filed
    found: dict[int, tuple[str, ...]] = {}
    for keyword, numbers in holders.items():
        for number in numbers:
            found[number] = (*found.get(number, ()), keyword)
    forbidden = frozenset[int]().union(*(_holding(index, word) for word in topic.exclude))
    return Ruling(allowed, forbidden, _written_by(index, topic.authors), found)


def holds(text: str, keyword: str) -> bool:
    """Does `text`, any text, hold the keyword?"""
    return keyword_pattern(keyword).search(fold(plain(text))) is not None


@lru_cache(maxsize=4096)
def keyword_pattern(keyword: str) -> re.Pattern[str]:
    """The keyword as a pattern for folded text."""
    bare = plain(keyword).strip()
    chunks = [chunk for chunk in _GAP.split(fold(bare)) if chunk]
    if not chunks:
        return re.compile(r"(?!)")
    *first, last = chunks
    body = _GAP_PATTERN.join([*map(re.escape, first), _with_plural(last, _GAP.split(bare)[-1].isupper())])
    return re.compile(_start(chunks[0]) + body + _end(last))


def _with_plural(word: str, shouted: bool) -> str:
    """A pattern for the singular and the plural of a word; acronyms (`AIDS`) lose no letter."""
    if not word.isalpha() or len(word) < 3 or IS_UNSPACED.match(word[-1]):
        return re.escape(word)
    if not shouted and len(word) > 4 and word.endswith(("ies", "y")):
        return re.escape(word.removesuffix("ies").removesuffix("y")) + "(?:y|ies|ys)"
    if not shouted and len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return re.escape(word[:-1]) + "(?:s|es)?"
    return re.escape(word) + "(?:s|es)?"


def _start(chunk: str) -> str:
    return r"(?<!\w)" if chunk[0].isalnum() and not IS_UNSPACED.match(chunk[0]) else ""


def _end(chunk: str) -> str:
    if not chunk[-1].isalnum() or IS_UNSPACED.match(chunk[-1]):
        return ""
    # `C` alone is neither `C++` nor `C#`.
    return r"(?![\w+#])" if len(chunk) == 1 else r"(?!\w)"


def _holding(index: Index, keyword: str) -> frozenset[int]:
    pattern = keyword_pattern(keyword)
    return frozenset(number for number, text in enumerate(index.folded) if pattern.search(text))


def _filed_under(index: Index, categories: Sequence[str]) -> frozenset[int]:
    wanted = {category.casefold() for category in categories}
    return frozenset(number for number, paper in enumerate(index.papers) if _groups(paper) & wanted)


def _groups(paper: Paper) -> set[str]:
    """The categories of a paper with the archives that they belong to: `cs.CL` is also `cs`."""
    exact = {category.casefold() for category in paper.categories}
    return exact | {category.split(".")[0] for category in exact}


def _written_by(index: Index, authors: Sequence[str]) -> dict[int, str]:
    if not authors:
        return {}
    return {
        number: author
        for number, paper in enumerate(index.papers)
        for author in authors
        if any(is_same_person(author, name) for name in paper.authors)
    }
