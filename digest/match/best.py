"""Best: which papers each topic of a block gets, and with what score. Pure; numbers in, numbers out.

queries ─weigh→ logits ─rules→ ─prune, sort→ rows and papers
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from digest.match.index import Floats, Index
from digest.match.query import Queries
from digest.match.rules import NO_RULES, Ruling, judge
from digest.match.weigh import Block, weigh
from digest.match.words import Ints

CERTAIN = np.float32(40.0)  # logit of a paper by one of the topic's authors: no cut is above it

LOWEST = np.float32(-1e30)  # what is below is no match

_ORDER = 1e-4  # logits nearer than this are equal, so that every machine gives the same order


@dataclass(frozen=True, eq=False, slots=True)
class Best:
    """The best papers of a block of topics: topic by topic, the best first."""

    block: Block
    rulings: Sequence[Ruling]  # of each topic
    rows: Ints  # the topic of each
    numbers: Ints  # the paper
    scores: list[float]  # 0 to 100

    def ends(self) -> list[int]:
        """Where the papers of each topic begin, and where the last ones end."""
        ends: list[int] = np.searchsorted(self.rows, np.arange(len(self.rulings) + 1)).tolist()
        return ends


def find_best(index: Index, queries: Queries, *, limit: int | None, cut: float, or_best: bool) -> Best:
    """The papers at or above the `cut`, of each topic at most `limit`; with `or_best` one in any case."""
    block = weigh(index, queries)
    rulings = [judge(index, topic) for topic in queries.topics]
    _apply(index, queries, rulings, block.logits)
    least = np.full((len(queries.topics), 1), _logit(cut), np.float32)
    if or_best:
        least = np.minimum(least, block.logits.max(axis=1, keepdims=True))
    rows, numbers = pick(block.logits, limit, least)
    scores = _scores(_rounded(block.logits[rows, numbers]))
    kept = scores >= cut
    if or_best:
        kept |= np.diff(rows, prepend=-1) > 0
    return Best(block, rulings, rows[kept], numbers[kept], scores[kept].tolist())


def _apply(index: Index, queries: Queries, rulings: Sequence[Ruling], logits: Floats) -> None:
    """Write the rules into the logits."""
    for row, ruling in enumerate(rulings):
        if ruling is not NO_RULES:
            _rule(ruling, logits[row])
    for row, (liked, disliked) in enumerate(zip(queries.liked, queries.disliked, strict=True)):
        if liked or disliked:
            known = [index.numbers[paper.id] for paper in (*liked, *disliked) if paper.id in index.numbers]
            logits[row, known] = -np.inf


def _rule(ruling: Ruling, logits: Floats) -> None:
    """Write the rules of one topic into its row of logits."""
    logits[ruling.barred] = -np.inf
    logits[[*ruling.certain]] = CERTAIN


def pick(logits: Floats, limit: int | None, least: Floats) -> tuple[Ints, Ints]:
    """Row and paper of what is not below the `least` of its row: best first, ties in the papers' order.

    Before anything is sorted, each row is pruned by the limit-th largest maximum of groups of 16 papers:
    what is below that cannot be among the best.
    """
    bounds = least
    groups = logits.shape[1] // 16
    if limit and groups > limit:
        maxima = logits[:, : groups * 16].reshape(len(logits), 16, groups).max(axis=1)
        bounds = np.maximum(bounds, np.partition(maxima, groups - limit, axis=1)[:, groups - limit, None])
    bounds = np.maximum(bounds - np.float32(_ORDER), LOWEST)
    rows, numbers = np.divmod(np.flatnonzero(logits >= bounds), logits.shape[1])
    order = np.lexsort((-_rounded(logits[rows, numbers]), rows))  # stable: ties stay as they are
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = order if limit is None else order[places < limit]
    return rows[kept], numbers[kept]


def _rounded(logits: Floats) -> Floats:
    """Logits of which near ones are equal."""
    return np.asarray(np.round(logits / _ORDER) * np.float32(_ORDER), np.float32)


def _scores(logits: Floats) -> npt.NDArray[np.float64]:
    """The probabilities of logits, in percent, to three digits."""
    return np.asarray(np.round(100 / (1 + np.exp(-logits.astype(np.float64))), 3))


def _logit(score: float) -> float:
    """A logit below which no score is rounded to so many percent."""
    share = (min(score, 100.0) - 0.001) / 100
    return float(np.log(share / (1 - share))) if share > 0 else -np.inf
