"""Related words: the space of meanings that every installation has. Pure.

The table gives each common word a direction; a text is the sum of its words. It was fitted once so that
the sums come near to what a sentence model says of the same abstracts; no model is needed to use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

import numpy as np
from scipy import sparse

from digest.match.background import Background, load_background
from digest.match.index import Floats, Index
from digest.match.meaning import Calibration, blend, unit
from digest.match.text import topic_terms
from digest.match.words import Ints

CALIBRATION = Calibration(slope=3.51, growth=2.90, rarity=0.35, toll=0.88, credit=0.85, base=-8.28)


@dataclass(frozen=True, slots=True)
class RelatedWords:
    """Sums of the directions of words; a `Space`."""

    background: Background
    topic_share: float = 0.7
    likes_share: float = 1.0
    floor: float = 0.45
    calibration: Calibration = CALIBRATION

    def topics(self, texts: Sequence[str]) -> Floats:
        """One row a text; shorter than one where words are unknown, by their share of the rarity squared."""
        words = [dict.fromkeys(topic_terms(text)) for text in texts]
        ends = np.cumsum([0, *map(len, words)])
        flat = [*chain.from_iterable(words)]
        numbers = np.fromiter(map(self.background.numbers.get, flat, repeat(-1)), np.int64, len(flat))
        return unit(self._sum(numbers, ends)) * self._known_shares(numbers, ends)[:, None] ** 2

    def papers(self, index: Index) -> Floats:
        """One row a paper."""
        places = [self.background.numbers.get(word, -1) for word in index.vocabulary]
        known = np.array([number for number, place in enumerate(places) if place >= 0], np.int64)
        rows = np.array([place for place in places if place >= 0], np.int64)
        directions = self.background.vectors[rows] * self.background.rarity[rows, None]
        directions = directions.astype(np.float64)  # in which the order of the words changes no sum
        titles = _damped(index.titles[:, known])
        texts = _damped(index.titles[:, known] + index.abstracts[:, known])
        return blend(unit(titles @ directions), unit(texts @ directions))

    def _sum(self, numbers: Ints, ends: Ints) -> Floats:
        """The sum of the directions of the known words of each topic, the rarer the longer."""
        known = numbers >= 0
        columns, starts = numbers[known], np.append(0, np.cumsum(known))[ends]
        shape = (len(ends) - 1, len(self.background.counts))
        rows = sparse.csr_matrix((self.background.rarity[columns], columns, starts), shape)
        return np.asarray(rows @ self.background.vectors)

    def _known_shares(self, numbers: Ints, ends: Ints) -> Floats:
        """How much of the rarity of each topic's words lies in words that the table knows."""
        topics = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        known = np.where(numbers >= 0, self.background.rarity[numbers], 0.0)
        unknown = np.where(numbers >= 0, 0.0, self.background.rarest)
        sums, missing = (np.bincount(topics, one, len(ends) - 1) for one in (known, unknown))
        return np.asarray(sums / np.maximum(sums + missing, 1e-9), np.float32)


@lru_cache(maxsize=1)
def load_related_words() -> RelatedWords:
    """The space of the package's table."""
    return RelatedWords(load_background())


def _damped(counts: Any) -> Any:
    """Counts of which the second and third add less than the first."""
    damped = counts.tocsr().copy()
    damped.data = 1 + np.log(damped.data)
    return damped
