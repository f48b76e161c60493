"""Meaning: what a space must offer in which texts and papers of near meaning lie near each other. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digest.match.index import Floats, Index

TITLE_SHARE = 0.4  # of the title's own direction in that of a paper; the rest is title and abstract


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a weight becomes a probability; fitted by `tests/benchmarks/calibrate.py`.

    logit = (slope + growth * length) * weight + rarity * (topic's rarity) - toll * length
            + credit * brevity + base

    Within a topic only the weight differs, so that the order by score is the order by weight. The longer a
    topic, the smaller is the share of its words that a good paper holds: so the weight counts for more. Of
    one or two words more papers are what is meant.
    """

    slope: float
    growth: float
    rarity: float
    toll: float
    credit: float
    base: float


class Space(Protocol):
    """A space of meanings; a cosine is added to the weight of a topic's words."""

    @property
    def topic_share(self) -> float:
        """What a cosine of one with the topic adds."""

    @property
    def likes_share(self) -> float:
        """What a cosine of one with the liked papers adds."""

    @property
    def floor(self) -> float:
        """The cosine from which a paper is a hit without any word of the topic."""

    @property
    def calibration(self) -> Calibration:
        """What makes a weight a probability."""

    def topics(self, texts: Sequence[str]) -> Floats:
        """One row a text, of length one or, where the space knows few of its words, less."""

    def papers(self, index: Index) -> Floats:
        """One row of length one, or zero, for each paper of the index."""


def unit(rows: Floats) -> Floats:
    """Rows of length one; zero stays zero."""
    lengths = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), np.float32)


def blend(titles: Floats, texts: Floats) -> Floats:
    """The direction of papers from that of their titles and that of title and abstract."""
    return unit(TITLE_SHARE * titles + (1 - TITLE_SHARE) * texts)
