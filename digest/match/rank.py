"""Rank: an index and topics to matches with score and reason. Pure.

topics ─distinct→ queries ─weigh, in blocks→ logits ─rules→ ─best of each row→ matches
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np

from digest.errors import RankError
from digest.match.index import Floats, Index
from digest.match.query import Query, make_query
from digest.match.reasons import because
from digest.match.rules import Ruling, judge
from digest.match.text import terms
from digest.match.weigh import weigh
from digest.models import Match, Paper, Topic

BLOCK = 512  # topics that are weighed at once: 5 x 6 MB for 3,000 papers
KEPT = 40_000  # lists of matches that an index keeps for topics that come again: about 11 kB each
CERTAIN = np.float32(40.0)  # logit of a paper by one of the topic's authors: no cut is above it

LOWEST = np.float32(-1e30)  # above minus infinity, which marks what is no match

_ORDER = 1e-4  # logits nearer than this are equal, so that every machine gives the same order


def rank(
    index: Index,
    topics: Sequence[Topic],
    *,
    examples: Mapping[str, Paper] = MappingProxyType({}),
    limit: int | None = None,
    cut: float = 0.0,
    or_best: bool = False,
) -> list[list[Match]]:
    """One list a topic, best first; a score is 0 to 100 and never rises along a list.

    `examples` holds the papers that topics name as liked or disliked, by the id as typed; these papers
    are never matches themselves. `limit` keeps the best so many of each list; matches below `cut` are
    left out, but for the best one of each topic with `or_best`, which tells how near a quiet day came.
    Without a hit a list is empty. Equal topics are ranked once per index and share a list.
    """
    keys = [(topic, _known_ids(topic, examples), limit, cut, or_best) for topic in topics]
    known = {key: index.ranked.get(key) for key in keys}
    asked = [key for key, found in known.items() if found is None]
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        queries = [make_query(index, topic, examples) for topic, *_ in block]
        known.update(zip(block, _rank_block(index, queries, limit, cut, or_best), strict=True))
    ranked = {key: found for key, found in known.items() if found is not None}
    _keep(index, ranked)
    return [ranked[key] for key in keys]


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


def _known_ids(topic: Topic, examples: Mapping[str, Paper]) -> tuple[str, ...]:
    """The examples that count: a topic ranks differently once its liked papers are known."""
    if not topic.liked and not topic.disliked:
        return ()
    return tuple(one for one in (*topic.liked, *topic.disliked) if one in examples)


def _keep(index: Index, used: Mapping[Any, list[Match]]) -> None:
    """Remember these lists; those that were not asked for the longest time are forgotten first."""
    for key, found in used.items():
        index.ranked.pop(key, None)
        index.ranked[key] = found
    for key in list(islice(index.ranked, max(0, len(index.ranked) - KEPT))):
        index.ranked.pop(key, None)


def _rank_block(
    index: Index, queries: Sequence[Query], limit: int | None, cut: float, or_best: bool
) -> list[list[Match]]:
    if not index.papers:
        return [[] for _ in queries]
    block = weigh(index, queries)
    logits = block.logits
    rulings = [judge(index, query.topic) for query in queries]
    for row, (query, ruling) in enumerate(zip(queries, rulings, strict=True)):
        _apply(index, query, ruling, logits[row])
    least = np.full((len(queries), 1), _logit(cut), np.float32)
    if or_best:
        least = np.minimum(least, logits.max(axis=1, keepdims=True))
    found = list(_best(logits, limit, least))
    rows = [row for row, numbers in enumerate(found) for _ in numbers]
    numbers = [number for numbers in found for number in numbers]
    scores = _scores(_rounded(logits[rows, numbers]))
    parts = block.parts(rows, numbers)
    matches = (
        _match(index, queries[row], rulings[row], number, score, part)
        for row, number, score, part in zip(rows, numbers, scores, parts, strict=True)
    )
    return [[next(matches) for _ in numbers] for numbers in found]


def _apply(index: Index, query: Query, ruling: Ruling, logits: Floats) -> None:
    """Write the rules into one row of logits."""
    if ruling.allowed is not None:
        allowed = logits[list(ruling.allowed)]
        logits[:] = -np.inf
        logits[list(ruling.allowed)] = allowed
    logits[list(ruling.forbidden)] = -np.inf
    logits[list(ruling.certain)] = CERTAIN
    for paper in (*query.liked, *query.disliked):
        if paper.id in index.numbers:
            logits[index.numbers[paper.id]] = -np.inf


def _best(logits: Floats, limit: int | None, least: Floats) -> Iterator[list[int]]:
    """The papers of each row that are not below its `least`, best first, ties in the papers' order.

    Before anything is sorted, each row is pruned by the limit-th largest maximum of groups of 16 papers:
    what is below that cannot be among the best.
    """
    bounds = least
    groups = logits.shape[1] // 16
    if limit is not None and groups > limit:
        maxima = logits[:, : groups * 16].reshape(len(logits), 16, groups).max(axis=1)
        bounds = np.maximum(bounds, np.partition(maxima, groups - limit, axis=1)[:, groups - limit, None])
    bounds = np.maximum(bounds - np.float32(_ORDER), LOWEST)
    rows, numbers = np.nonzero(logits >= bounds)
    order = np.lexsort((numbers, -_rounded(logits[rows, numbers]), rows))
    ends = np.searchsorted(rows, np.arange(1, len(logits)))
    return (part.tolist()[:limit] for part in np.split(numbers[order], ends))


def _rounded(logits: Floats) -> Floats:
    """Logits of which near ones are equal."""
    return np.asarray(np.round(logits / _ORDER) * np.float32(_ORDER), np.float32)


#: From here on likes are a reason of their own; in logits, of which 1 nearly triples the odds.
LIKED_FROM = 1.0


def _match(
    index: Index, query: Query, ruling: Ruling, number: int, score: float, parts: dict[str, float]
) -> Match:
    if number in ruling.certain:
        parts["author"] = float(CERTAIN) - sum(parts.values())
    return Match(
        paper_id=index.papers[number].id,
        topic=query.topic.name,
        score=score,
        because=because(index, query, ruling, number, liked=parts.get("likes", 0.0) >= LIKED_FROM),
        parts=parts,
    )


def _scores(logits: Floats) -> list[float]:
    """The probabilities of logits, in percent."""
    scores: list[float] = np.round(100 / (1 + np.exp(-logits.astype(np.float64))), 3).tolist()
    return scores


def _logit(score: float) -> float:
    """The logit that a score of so many percent needs; the same number that `_scores` gives for it."""
    share = min(max(score, 0.0), 100.0) / 100
    if share in (0.0, 1.0):
        return -np.inf if share == 0.0 else float(CERTAIN)
    return float(np.log(share / (1 - share))) - _ORDER
