"""Words: texts cut into terms, each with its place and its spelling. Pure; weighs nothing.

Every distinct spelling is stemmed once; all else is arithmetic over the words of all texts at a time.
As signs, one character for each distinct term, texts are strings of their terms: a phrase is found in one
search of a string, whatever the lengths of its words.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, pairwise

import numpy as np
import numpy.typing as npt

from digest.match.text import surfaces, term

Ints = npt.NDArray[np.int64]

END, UNKNOWN = "\0", "\1"  # the sign between texts, and that of a term that none of them holds
_SIGNS = 2  # the number of the first sign that stands for a term
_LAST = 0x10FFFF  # there are no more; a million terms are more than a year of papers has


@dataclass(frozen=True, eq=False)
class Words:
    """The terms of some texts in their order, stop words left out."""

    vocabulary: dict[str, int]  # term -> number, by first occurrence
    spellings: tuple[str, ...]  # every distinct word as it is written
    rows: Ints  # the text of each word
    terms: Ints  # its term
    spelled: Ints  # its spelling
    ends: Sequence[int]  # the words of text n are ends[n] to ends[n + 1]

    def pairs(self) -> tuple[Ints, Ints]:
        """Neighbouring terms of one text: their text, and `first * size of the vocabulary + second`."""
        beside = np.flatnonzero(self.rows[1:] == self.rows[:-1])
        codes = self.terms[beside] * max(len(self.vocabulary), 1) + self.terms[beside + 1]
        return self.rows[beside], codes

    def signs(self, terms: Iterable[str]) -> str:
        """The signs of some terms."""
        return "".join([chr(min(self.vocabulary.get(one, -1) + _SIGNS, _LAST)) for one in terms])

    def numbers(self, signs: str) -> list[int]:
        """The terms that signs stand for."""
        return [ord(sign) - _SIGNS for sign in signs]

    def spelling(self, sign: str) -> str:
        """The spelling that a sign stands for."""
        return self.spellings[ord(sign) - _SIGNS]

    @cached_property
    def lines(self) -> Sequence[str]:
        """The terms of each text as signs in their order."""
        return self._lines(self.terms)

    @cached_property
    def written(self) -> Sequence[str]:
        """The spellings of each text as signs in their order."""
        return self._lines(self.spelled)

    def _lines(self, numbers: Ints) -> Sequence[str]:
        """A sign for each number, text by text."""
        signs = np.minimum(numbers + _SIGNS, _LAST).astype("<u4")
        line = signs.tobytes().decode("utf-32-le", "surrogatepass")
        return [line[start:end] for start, end in pairwise(self.ends)]


def cut(texts: Sequence[str]) -> Words:
    """Cut `texts` into words."""
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    found = [[numbers[word] for word in surfaces(text)] for text in texts]
    vocabulary: dict[str, int] = {}
    stems = [term(word) for word in numbers]
    known = np.array([vocabulary.setdefault(one, len(vocabulary)) if one else -1 for one in stems], np.int64)
    spelled = np.fromiter(chain.from_iterable(found), np.int64, sum(map(len, found)))
    kept = known[spelled] >= 0
    rows = np.repeat(np.arange(len(found)), [len(row) for row in found])[kept]
    ends = np.searchsorted(rows, np.arange(len(found) + 1)).tolist()
    return Words(vocabulary, tuple(numbers), rows, known[spelled[kept]], spelled[kept], ends)
