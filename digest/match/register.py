"""Register: the papers by what rules ask for: written words, categories, authors. Pure; knows no topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from digest.match.memory import Memory
from digest.match.names import Name, readings
from digest.match.text import fold
from digest.match.words import Ints, Words
from digest.models import Paper

if TYPE_CHECKING:
    from digest.match.rules import Ruling

RULINGS = 5_000  # rules that are kept for topics that share them: about 4 kB each
KEYWORDS = 5_000  # keywords likewise: 3 kB each for 3,000 papers

#: Signs beyond ASCII between words, whose folding brings no letter near to these.
_ASIDE = str.maketrans(dict.fromkeys("–—−‘’“”…×→≤≥±", " "))

#: Of each paper, whether something holds.
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Register:
    """Where rules look papers up; each part is made when it is first asked for."""

    papers: tuple[Paper, ...]
    texts: Sequence[str]  # plain
    words: Words  # of the titles, then of the abstracts
    rulings: Memory[Any, Ruling] = field(default_factory=lambda: Memory(RULINGS), repr=False)  # by rules
    holding: Memory[str, Mask] = field(default_factory=lambda: Memory(KEYWORDS), repr=False)  # by keyword

    def none(self) -> Mask:
        """No paper."""
        return np.zeros(len(self.papers), bool)

    @cached_property
    def filed(self) -> Mapping[str, Mask]:
        """The papers of each category and of each archive: what is in `cs.cl` is also in `cs`."""
        found: dict[str, Mask] = {}
        for number, paper in enumerate(self.papers):
            for category in map(str.casefold, paper.categories):
                for name in (category, category.split(".")[0]):
                    found.setdefault(name, self.none())[number] = True
        return found

    @cached_property
    def signed(self) -> Mapping[str, Mapping[str, Mapping[Name, Sequence[int]]]]:
        """By family name, first letter of the given names and whole name the papers of all authors."""
        found: dict[str, dict[str, dict[Name, list[int]]]] = {}
        for number, paper in enumerate(self.papers):
            for name in chain.from_iterable(map(readings, paper.authors)):
                letter = name.given[0][0] if name.given else ""
                family = found.setdefault(name.family, {}).setdefault(letter, {})
                family.setdefault(name, []).append(number)
        return found

    @cached_property
    def folded(self) -> list[str]:
        """Folded text of each paper, in which keywords are looked for."""
        return [*map(fold, self.texts)]

    @cached_property
    def simple(self) -> Mask:
        """The papers whose words end where a keyword may end, so that `writing` is enough."""
        return np.array(["_" not in text and _is_simple(text) for text in self.texts], bool)

    @cached_property
    def _written(self) -> tuple[Mapping[str, Sequence[int]], Ints, Ints]:
        """The folded spellings with their numbers; the papers by spelling, and where each spelling begins."""
        folded: dict[str, list[int]] = {}
        for number, word in enumerate(self.words.spellings):
            folded.setdefault(fold(word), []).append(number)
        order = np.argsort(self.words.spelled, kind="stable")
        starts = np.searchsorted(self.words.spelled[order], np.arange(len(self.words.spellings) + 1))
        return folded, (self.words.rows % max(len(self.papers), 1))[order], starts

    def writing(self, words: Iterable[str]) -> Mask:
        """The papers that hold one of these folded words, whole; stop words are not looked for."""
        folded, papers, starts = self._written
        found = self.none()
        for number in (number for word in words for number in folded.get(word, ())):
            found[papers[starts[number] : starts[number + 1]]] = True
        return found


def _is_simple(text: str) -> bool:
    """Do all letters stay letters, and all signs signs, when the text is folded?"""
    return text.isascii() or text.translate(_ASIDE).isascii()
