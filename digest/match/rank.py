"""Rank: an index and topics to matches with score and reason. Pure.

topics ─distinct→ queries ─weigh, in blocks→ logits ─rules→ ─best of each row→ matches
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from digest.errors import RankError
from digest.match.index import Floats, Index
from digest.match.query import Queries, make_queries
from digest.match.reasons import because
from digest.match.rules import NO_RULES, Ruling, judge
from digest.match.text import normal, terms
from digest.match.weigh import Block, weigh
from digest.match.words import Ints
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
    keys = [(*_asking(topic, examples), limit, cut, or_best) for topic in topics]
    distinct = dict(zip(keys, topics, strict=True))
    known = {key: index.ranked.get(key) for key in distinct}
    asked = [key for key, found in known.items() if found is None]
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        queries = make_queries(index, [distinct[key] for key in block], examples)
        known.update(zip(block, _rank_block(index, queries, limit, cut, or_best), strict=True))
    ranked = {key: found for key, found in known.items() if found is not None}
    _keep(index, ranked)
    return [_named(topic.name, ranked[key]) for key, topic in zip(keys, topics, strict=True)]


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


def _asking(topic: Topic, examples: Mapping[str, Paper]) -> tuple[Hashable, ...]:
    """What a topic asks, whatever its name: the same in any way of typing it.

    Of the examples those that are known count: a topic ranks differently once its liked papers are there.
    """
    text, rules = normal(topic.text), (topic.keywords, topic.exclude, topic.authors, topic.categories)
    if not topic.liked and not topic.disliked:
        return text, *rules
    sides = (tuple(one for one in ids if one in examples) for ids in (topic.liked, topic.disliked))
    return text, *rules, *sides


def _named(name: str, matches: list[Match]) -> list[Match]:
    """The matches under the name by which this topic goes."""
    if not matches or matches[0].topic == name:
        return matches
    return [replace(match, topic=name) for match in matches]


def _keep(index: Index, used: Mapping[Any, list[Match]]) -> None:
    """Remember these lists; those that were not asked for the longest time are forgotten first."""
    for key, found in used.items():
        index.ranked.pop(key, None)
        index.ranked[key] = found
    for key in list(islice(index.ranked, max(0, len(index.ranked) - KEPT))):
        index.ranked.pop(key, None)


def _rank_block(
    index: Index, queries: Queries, limit: int | None, cut: float, or_best: bool
) -> list[list[Match]]:
    if not index.papers:
        return [[] for _ in queries.topics]
    block = weigh(index, queries)
    rulings = [judge(index, topic) for topic in queries.topics]
    _apply(index, queries, rulings, block.logits)
    least = np.full((len(queries), 1), _logit(cut), np.float32)
    if or_best:
        least = np.minimum(least, block.logits.max(axis=1, keepdims=True))
    rows, numbers = _best(block.logits, limit, least)
    found = _matches(index, queries, rulings, block, rows, numbers)
    ends = np.searchsorted(rows, np.arange(len(queries) + 1)).tolist()
    return [found[start:end] for start, end in pairwise(ends)]


def _apply(index: Index, queries: Queries, rulings: Sequence[Ruling], logits: Floats) -> None:
    """Write the rules into the logits."""
    for row, ruling in enumerate(rulings):
        if ruling is not NO_RULES:
            _rule(ruling, logits[row])
    for row, (liked, disliked) in enumerate(zip(queries.liked, queries.disliked, strict=True)):
        known = [index.numbers[paper.id] for paper in (*liked, *disliked) if paper.id in index.numbers]
        logits[row, known] = -np.inf


def _rule(ruling: Ruling, logits: Floats) -> None:
    """Write the rules of one topic into its row of logits."""
    if ruling.allowed is not None:
        allowed = logits[list(ruling.allowed)]
        logits[:] = -np.inf
        logits[list(ruling.allowed)] = allowed
    logits[list(ruling.forbidden)] = -np.inf
    logits[list(ruling.certain)] = CERTAIN


def _best(logits: Floats, limit: int | None, least: Floats) -> tuple[Ints, Ints]:
    """Row and paper of what is not below the `least` of its row: best first, ties in the papers' order.

    Before anything is sorted, each row is pruned by the limit-th largest maximum of groups of 16 papers:
    what is below that cannot be among the best.
    """
    bounds = least
    groups = logits.shape[1] // 16
    if limit is not None and groups > limit:
        maxima = logits[:, : groups * 16].reshape(len(logits), 16, groups).max(axis=1)
        bounds = np.maximum(bounds, np.partition(maxima, groups - limit, axis=1)[:, groups - limit, None])
    bounds = np.maximum(bounds - np.float32(_ORDER), LOWEST)
    rows, numbers = np.divmod(np.flatnonzero(logits >= bounds), logits.shape[1])
    order = np.lexsort((numbers, -_rounded(logits[rows, numbers]), rows))
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = order if limit is None else order[places < limit]
    return rows[kept], numbers[kept]


def _rounded(logits: Floats) -> Floats:
    """Logits of which near ones are equal."""
    return np.asarray(np.round(logits / _ORDER) * np.float32(_ORDER), np.float32)


#: From here on likes are a reason of their own; in logits, of which 1 nearly triples the odds.
LIKED_FROM = 1.0


def _matches(
    index: Index, queries: Queries, rulings: Sequence[Ruling], block: Block, rows: Ints, numbers: Ints
) -> list[Match]:
    """The matches with scores and reasons."""
    scores = _scores(_rounded(block.logits[rows, numbers]))
    parts = block.parts(rows, numbers)
    liked = [part["likes"] >= LIKED_FROM for part in parts]
    reasons = because(index, queries, rulings, rows, numbers, liked)
    found = []
    for row, number, score, part, why in zip(
        rows.tolist(), numbers.tolist(), scores, parts, reasons, strict=True
    ):
        if number in rulings[row].certain:
            part["author"] = float(CERTAIN) - sum(part.values())
        paper, topic = index.papers[number].id, queries.topics[row].name
        found.append(Match(paper_id=paper, topic=topic, score=score, because=why, parts=part))
    return found


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
