"""The background: how common words are in the literature, and which of them are related.

One table in the package, made by `tests/benchmarks/background.py` from the CC0 metadata of 18,884 arXiv
papers. With it a score means the same on every day and for every set of papers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

TABLE = "background.npz"


@dataclass(frozen=True, slots=True)
class Background:
    """Terms of the literature; those in fewer than five papers are left out."""

    total: int  # papers that were counted
    numbers: Mapping[str, int]  # term -> row of the arrays below
    counts: npt.NDArray[np.int64]  # papers that hold the term
    rarity: npt.NDArray[np.float32]  # from the counts
    vectors: npt.NDArray[np.float32]  # terms of near meaning point in near directions
    rarest: float  # the rarity of a word that nobody has seen

    def rarity_of(self, term: str) -> float:
        """How rare a term is."""
        number = self.numbers.get(term)
        return self.rarest if number is None else float(self.rarity[number])

    def having(self, term: str) -> int:
        """How many papers of the background hold the term."""
        number = self.numbers.get(term)
        return 0 if number is None else int(self.counts[number])


@lru_cache(maxsize=1)
def load_background() -> Background:
    """Read the table of the package, once."""
    content = files("digest.match").joinpath(TABLE).read_bytes()
    table: Any = np.load(BytesIO(content), allow_pickle=False)
    words = bytes(table["words"]).decode().split("\n")
    vectors = table["vectors"].astype(np.float32) * np.float32(table["scale"])
    numbers = {word: number for number, word in enumerate(words)}
    total, counts = int(table["total"]), table["counts"].astype(np.int64)
    return Background(total, numbers, counts, rareness(counts, total), vectors, never(total))


def rareness(having: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.float32]:
    """How rare is what `having` of `total` papers hold: ln(1 + (total - n + 0.5) / (n + 0.5))."""
    return np.asarray(np.log1p((total - having + 0.5) / (having + 0.5)), np.float32)


def never(total: int) -> float:
    """How rare is what none of `total` papers holds."""
    return float(rareness(np.zeros(1, np.int64), total)[0])
