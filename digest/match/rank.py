"""Rank: an index and topics to matches with score and reason. Pure.

topics ─distinct→ queries ─weigh, in blocks→ logits ─rules→ ─best of each row→ matches
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from types import MappingProxyType
from typing import Any

from digest.errors import RankError
from digest.match.best import CERTAIN, Best, find_best
from digest.match.index import Index
from digest.match.query import Queries, make_queries
from digest.match.reasons import because
from digest.match.text import normal, terms
from digest.models import Match, Paper, Topic

BLOCK = 512  # topics that are weighed at once: 5 x 6 MB for 3,000 papers
KEPT = 40_000  # lists of matches that an index keeps for topics that come again: about 11 kB each
#: From here on likes are a reason of their own; in logits, of which 1 nearly triples the odds.
LIKED_FROM = 1.0


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
    if not index.papers:
        return [[] for _ in topics]
    keys = [(*_asking(topic, examples), limit, cut, or_best) for topic in topics]
    distinct = dict(zip(keys, topics, strict=True))
    known = {key: index.ranked.get(key) for key in distinct}
    asked = [key for key, found in known.items() if found is None]
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        queries = make_queries(index, [distinct[key] for key in block], examples)
        best = find_best(index, queries, limit=limit, cut=cut, or_best=or_best)
        known.update(zip(block, _matches(index, queries, best), strict=True))
    ranked = {key: found for key, found in known.items() if found is not None}
    _keep(index, ranked)
    return [_named(topic.name, ranked[key]) for key, topic in zip(keys, topics, strict=True)]


def rank_ids(
    index: Index,
    topics: Sequence[Topic],
    *,
    examples: Mapping[str, Paper] = MappingProxyType({}),
    limit: int | None = None,
) -> list[list[tuple[str, float]]]:
    """As `rank`, but ids and scores alone, for whoever asks for no reasons; nothing is kept."""
    if not index.papers:
        return [[] for _ in topics]
    asking = [_asking(topic, examples) for topic in topics]
    distinct = dict(zip(asking, topics, strict=True))
    found: list[list[tuple[str, float]]] = []
    for start in range(0, len(distinct), BLOCK):
        queries = make_queries(index, [*islice(distinct.values(), start, start + BLOCK)], examples)
        best = find_best(index, queries, limit=limit, cut=0.0, or_best=False)
        ids = [index.papers[number].id for number in best.numbers.tolist()]
        scored = list(zip(ids, best.scores, strict=True))
        found += [scored[start:end] for start, end in pairwise(best.ends())]
    ranked = dict(zip(distinct, found, strict=True))
    return [ranked[one] for one in asking]


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


def _matches(index: Index, queries: Queries, best: Best) -> list[list[Match]]:
    """The matches of each topic, with scores and reasons."""
    parts = best.block.parts(best.rows, best.numbers)
    liked = [part["likes"] >= LIKED_FROM for part in parts]
    reasons = because(index, queries, best, liked)
    found = []
    for row, number, score, part, why in zip(
        best.rows.tolist(), best.numbers.tolist(), best.scores, parts, reasons, strict=True
    ):
        if number in best.rulings[row].certain:
            part["author"] = float(CERTAIN) - sum(part.values())
        paper, topic = index.papers[number].id, queries.topics[row].name
        found.append(Match(paper_id=paper, topic=topic, score=score, because=why, parts=part))
    return [found[start:end] for start, end in pairwise(best.ends())]
