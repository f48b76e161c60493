"""Rank: an index and topics to matches with score and reason. Pure.

topics ─words, likes→ weights of papers ─calibrate→ scores ─rules→ matches
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse

from digest.errors import RankError
from digest.match.index import PAIR_WEIGHT, Floats, Index
from digest.match.learn import known, likeness, likes_weight
from digest.match.reasons import because
from digest.match.rules import Ruling, judge
from digest.match.text import terms
from digest.models import Match, Paper, Topic

LIKENESS_SCALE = 4.0  # a cosine of 0.25 with the likes says as much as a paper that holds the whole topic
_MIDDLE, _STEEPNESS = 0.42, 9.0  # the weight that is as likely relevant as not; how sharply that changes
AUTHOR_SCORE = 100.0  # "always shown": no cut is above it


def rank(
    index: Index,
    topics: Sequence[Topic],
    *,
    examples: Mapping[str, Paper] = MappingProxyType({}),
    limit: int | None = None,
    cut: float = 0.0,
) -> list[list[Match]]:
    """One list a topic, best first; a score is 0 to 100 and never rises along a list.

    `examples` holds the papers that topics name as liked or disliked, by the id as typed; these papers
    are never matches themselves. `limit` keeps the best so many of each list; matches below `cut` are
    left out. Without a hit a list is empty.
    """
    return [_rank_one(index, topic, examples, limit, cut) for topic in topics]


def check_topic(topic: Topic) -> None:
    """Raise RankError, one sentence, if there is nothing in the topic to rank by."""
    if topic.liked or topic.authors or topic.keywords or terms(topic.text):
        return
    if not topic.text.strip():
        raise RankError("a topic is empty: write in a few words what it is about")
    raise RankError(
        f'the topic "{_short(topic.text)}" holds no word to rank by: name what the papers are about'
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:59] + "…"


def _rank_one(
    index: Index, topic: Topic, examples: Mapping[str, Paper], limit: int | None, cut: float
) -> list[Match]:
    words = terms(topic.text)
    weights = _weigh(index, topic, words, examples)
    ruling = judge(index, topic)
    scores = _probability(weights)
    for number in ruling.certain:
        scores[number] = AUTHOR_SCORE
    given = {paper.id for paper in known((*topic.liked, *topic.disliked), examples)}
    order = np.lexsort((np.arange(len(weights)), -weights, -scores))
    chosen = [
        number
        for number in order.tolist()
        if (weights[number] > 0 or number in ruling.certain)
        and scores[number] >= cut
        and ruling.allows(number)
        and index.papers[number].id not in given
    ]
    return [_match(index, topic, words, ruling, n, float(scores[n])) for n in chosen[:limit]]


def _match(
    index: Index, topic: Topic, words: Sequence[str], ruling: Ruling, number: int, score: float
) -> Match:
    return Match(
        paper_id=index.papers[number].id,
        topic=topic.name,
        score=round(score, 3),
        because=because(index, topic, words, ruling, number),
    )


def _weigh(index: Index, topic: Topic, words: Sequence[str], examples: Mapping[str, Paper]) -> Floats:
    """Weight of each paper: about 0 for nothing in common, about 1 for all that one can ask for."""
    lexical = _lexical(index, words)
    if not known((*topic.liked, *topic.disliked), examples):
        return lexical
    share = likes_weight(len(known(topic.liked, examples)))
    return np.asarray((1 - share) * lexical + LIKENESS_SCALE * likeness(index, topic, examples), np.float32)


def _lexical(index: Index, words: Sequence[str]) -> Floats:
    """BM25 weight of the topic's words in each paper, as a share of the best possible."""
    single, pairs = index.columns(words)
    columns = np.array([*single, *pairs], np.int64)
    values = np.array([1.0] * len(single) + [PAIR_WEIGHT] * len(pairs), np.float32)
    query = sparse.csr_matrix((values, (np.zeros_like(columns), columns)), shape=(1, index.size))
    found: Any = (query @ index.weights).toarray().ravel()
    return np.asarray(found / _possible(index, words), np.float32)


def _possible(index: Index, words: Sequence[str]) -> float:
    """The weight of a paper that holds every word of the topic, and often."""
    rarest = float(np.log1p((len(index.papers) + 0.5) / 0.5))
    idf = (float(index.idf[index.vocabulary[w]]) if w in index.vocabulary else rarest for w in set(words))
    return max(2.2 * sum(idf), 1e-6)


def _probability(weights: Floats) -> Floats:
    """The score of a weight, in percent; strictly rising, so that it keeps every order."""
    return np.asarray(100 / (1 + np.exp(-_STEEPNESS * (weights.astype(np.float64) - _MIDDLE))))
