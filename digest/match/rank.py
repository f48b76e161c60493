"""Rank: an index and topics to matches with score and reason. Pure.

topics ─queries→ one sparse product ─calibrate→ scores ─rules→ matches
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse

from digest.match.index import PAIR_WEIGHT, Floats, Index
from digest.match.text import terms
from digest.models import Match, Paper, Topic

#: Share of the best possible weight that is as likely relevant as not, and how steep it is there.
_MIDDLE, _STEEPNESS = 0.42, 9.0


def rank(
    index: Index,
    topics: Sequence[Topic],
    *,
    examples: Mapping[str, Paper] = MappingProxyType({}),
    limit: int | None = None,
    cut: float = 0.0,
) -> list[list[Match]]:
    """One list a topic, best first; a score is 0 to 100 and never rises along a list.

    `examples` holds the papers that topics name as liked or disliked, by the id as typed; `limit` keeps the
    best so many of each list; matches below `cut` are left out. Without a hit a list is empty.
    """
    return [_rank_one(index, topic, examples, limit, cut) for topic in topics]


def _rank_one(
    index: Index, topic: Topic, examples: Mapping[str, Paper], limit: int | None, cut: float
) -> list[Match]:
    words = terms(topic.text)
    single, pairs = index.columns(words)
    raw = _weigh(index, single, pairs)
    possible = _possible(index, words)
    scores = 100 / (1 + np.exp(-_STEEPNESS * (raw / possible - _MIDDLE)))
    order = np.lexsort((np.arange(len(raw)), -raw))
    order = [int(n) for n in order if raw[n] > 0 and scores[n] >= cut][:limit]
    return [
        Match(
            paper_id=index.papers[n].id,
            topic=topic.name,
            score=float(scores[n]),
            because=_because(index, n, words),
        )
        for n in order
    ]


def _weigh(index: Index, single: Sequence[int], pairs: Sequence[int]) -> Floats:
    query = sparse.csr_matrix(
        (
            np.array([1.0] * len(single) + [PAIR_WEIGHT] * len(pairs), np.float32),
            (np.zeros(len(single) + len(pairs), np.int64), np.array([*single, *pairs], np.int64)),
        ),
        shape=(1, index.size),
    )
    found: Any = (query @ index.weights).toarray().ravel()
    return np.asarray(found, np.float32)


def _possible(index: Index, words: Sequence[str]) -> float:
    """The weight of a paper that says everything that the topic says, and often."""
    rare = float(np.log1p((len(index.papers) + 0.5) / 0.5))
    alone = sum(float(index.idf[index.vocabulary[w]]) if w in index.vocabulary else rare for w in set(words))
    return max(alone * 2.2, 1e-6)


def _because(index: Index, number: int, words: Sequence[str]) -> tuple[str, ...]:
    spellings = index.spellings(number)
    return tuple(dict.fromkeys(spellings[word] for word in words if word in spellings))
