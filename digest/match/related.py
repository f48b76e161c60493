"""Related words: the space of meanings that every installation has. Pure.

The table gives each common word a direction; a text is the sum of its words. It was fitted once so that
the sums come near to what a sentence model says of the same abstracts; no model is needed to use it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse

from digest.match.background import Background, load_background
from digest.match.index import Floats, Index
from digest.match.meaning import Calibration, blend, unit
from digest.match.text import topic_terms

CALIBRATION = Calibration(slope=3.44, growth=3.12, rarity=0.40, toll=1.04, credit=1.22, base=-8.28)


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
        numbers = [[self.background.numbers.get(word, -1) for word in row] for row in words]
        rows = self._sum([[number for number in row if number >= 0] for row in numbers])
        return unit(rows) * np.array([[self._known_share(row) ** 2] for row in numbers], np.float32)

    def papers(self, index: Index) -> Floats:
        """One row a paper."""
        places = [self.background.numbers.get(word, -1) for word in index.vocabulary]
        known = np.array([number for number, place in enumerate(places) if place >= 0], np.int64)
        rows = np.array([place for place in places if place >= 0], np.int64)
        directions = self.background.vectors[rows] * self.background.rarity[rows, None]
        titles = _damped(index.titles[:, known])
        texts = _damped(index.titles[:, known] + index.abstracts[:, known])
        return blend(unit(titles @ directions), unit(texts @ directions))

    def _sum(self, rows: Sequence[Sequence[int]]) -> Floats:
        columns = np.array([number for row in rows for number in row], np.int64)
        ends = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
        weights = self.background.rarity[columns]
        shape = (len(rows), len(self.background.counts))
        return np.asarray(sparse.csr_matrix((weights, columns, ends), shape=shape) @ self.background.vectors)

    def _known_share(self, row: Sequence[int]) -> float:
        """How much of the rarity of a topic's words lies in words that the table knows."""
        known = float(sum(self.background.rarity[number] for number in row if number >= 0))
        unknown = sum(number < 0 for number in row) * self.background.rarest
        return known / (known + unknown) if row else 0.0


@lru_cache(maxsize=1)
def load_related_words() -> RelatedWords:
    """The space of the package's table."""
    return RelatedWords(load_background())


def _damped(counts: Any) -> Any:
    """Counts of which the second and third add less than the first."""
    damped = counts.tocsr().copy()
    damped.data = 1 + np.log(damped.data)
    return damped
