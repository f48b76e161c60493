"""Rank: an index and topics to matches with score and reason. Pure.

topics ─distinct→ queries ─weigh, in blocks→ logits ─rules→ ─best of each row→ matches
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, repeat
from types import MappingProxyType

from digest.errors import RankError
from digest.match.best import CERTAIN, Best, find_best
from digest.match.index import Index
from digest.match.query import Queries, make_queries, read_text
from digest.match.reasons import MOST, Teller, make_teller
from digest.match.text import short, terms
from digest.models import Match, Paper, Topic

#: Topics times papers that are weighed at once: 3 MB an array, of which some are needed.
CELLS = 768_000
FEWEST, LARGEST = 16, 512  # topics that are, however many papers there are, and however few


def rank(
    index: Index,
    topics: Sequence[Topic],
    *,
    examples: Mapping[str, Paper] = MappingProxyType({}),
    limit: int | None = None,
    cut: float = 0.0,
    or_best: bool = False,
    reasons: bool = True,
) -> list[list[Match]]:
    """One list a topic, best first; a score is 0 to 100 and never rises along a list.

    `examples` holds the papers that topics name as liked or disliked, by the id as typed; these papers
    are never matches themselves. `limit` keeps the best so many of each list; matches below `cut` are
    left out, but for the best one of each topic with `or_best`, which tells how near a quiet day came.
    Without a hit a list is empty. Equal topics are ranked once per index and share a list. Without `reasons`
    the matches say none: `explain` gives them to those that somebody is shown.
    """
    if not index.papers:
        return [[] for _ in topics]
    options = (limit, cut, or_best, reasons)
    keys = [(options, _asking(topic, examples)) for topic in topics]
    ranked = [index.ranked.get(key) for key in keys]
    asked: dict[Hashable, Topic] = {
        key: topic for key, topic, found in zip(keys, topics, ranked, strict=True) if found is None
    }
    fresh: dict[Hashable, list[Match]] = {}
    for keys_of_block, queries in _blocks(index, asked, examples):
        best = find_best(index, queries, limit=limit, cut=cut, or_best=or_best)
        tellers = [_teller(index, topic, examples) for topic in queries.topics] if reasons else None
        fresh.update(zip(keys_of_block, _matches(index, queries, best, tellers), strict=True))
    for key, matches in fresh.items():
        index.ranked.keep(key, matches)
    every = (fresh[key] if found is None else found for key, found in zip(keys, ranked, strict=True))
    return [
        found if not found or found[0].topic == topic.name else _renamed(topic.name, found)
        for topic, found in zip(topics, every, strict=True)
    ]


def explain(
    index: Index,
    picks: Sequence[tuple[Topic, Match]],
    *,
    examples: Mapping[str, Paper] = MappingProxyType({}),
) -> list[Match]:
    """The matches of topics with their reasons, before what they say already; worked out once per index."""
    return [_explained(index, topic, match, examples) for topic, match in picks]


def _explained(index: Index, topic: Topic, bare: Match, examples: Mapping[str, Paper]) -> Match:
    """The match with its reasons; known by identity, for readers of one topic are given the same matches."""
    known = index.shown.get(id(bare))
    if known and known[0] is bare:
        return known[1]
    told = _teller(index, topic, examples).because(index, bare.paper_id, bare.parts)
    because = (*told[: MOST - len(bare.because)], *bare.because)
    explained = Match(bare.paper_id, bare.topic, bare.score, because, bare.parts)
    if told:
        index.shown.keep(id(bare), (bare, explained))
    return explained


def _teller(index: Index, topic: Topic, examples: Mapping[str, Paper]) -> Teller:
    """Who tells the reasons of a topic: one for all topics that ask the same of the index."""
    key = _asking(topic, examples)
    found = index.tellers.get(key)
    if found is None:
        found = make_teller(index, topic, examples)
        index.tellers.keep(key, found)
    return found


def rank_ids(
    index: Index,
    topics: Sequence[Topic],
    *,
    examples: Mapping[str, Paper] = MappingProxyType({}),
    limit: int | None = None,
) -> list[dict[str, float]]:
    """As `rank`, but the score of each id, best first, for whoever asks for no reasons; nothing is kept."""
    if not index.papers:
        return [{} for _ in topics]
    keys = [_asking(topic, examples) for topic in topics]
    ranked: dict[Hashable, dict[str, float]] = {}
    for keys_of_block, queries in _blocks(index, dict(zip(keys, topics, strict=True)), examples):
        best = find_best(index, queries, limit=limit, cut=0.0, or_best=False)
        ids = [*map(index.ids.__getitem__, best.numbers.tolist())]
        pieces = (slice(start, end) for start, end in pairwise(best.ends()))
        lists = (dict(zip(ids[piece], best.scores[piece], strict=True)) for piece in pieces)
        ranked.update(zip(keys_of_block, lists, strict=True))
    return [ranked[key] for key in keys]


def check_topic(topic: Topic) -> None:
    """Raise RankError, one sentence, if there is nothing in the topic to rank by."""
    if topic.liked or topic.authors or topic.keywords or terms(topic.text):
        return
    if not topic.text.strip():
        raise RankError("a topic is empty: write in a few words what it is about")
    raise RankError(
        f'the topic "{short(topic.text, 60)}" holds no word to rank by: name what the papers are about'
    )


def _asking(topic: Topic, examples: Mapping[str, Paper]) -> Hashable:
    """What a topic asks, whatever its name: the same in any way of typing it.

    Of the examples those that are known count: a topic ranks differently once its liked papers are there.
    """
    text = read_text(topic)
    rules = topic.keywords or topic.exclude or topic.authors or topic.categories
    if not (rules or topic.liked or topic.disliked):
        return text
    sides = (tuple([one for one in ids if one in examples]) for ids in (topic.liked, topic.disliked))
    return text, topic.keywords, topic.exclude, topic.authors, topic.categories, *sides


def _blocks(
    index: Index, asked: Mapping[Hashable, Topic], examples: Mapping[str, Paper]
) -> Iterator[tuple[Sequence[Hashable], Queries]]:
    """The distinct topics, so many at a time as are weighed at once."""
    keys, size = list(asked), min(max(CELLS // len(index.papers), FEWEST), LARGEST)
    for start in range(0, len(keys), size):
        block = keys[start : start + size]
        yield block, make_queries(index, [asked[key] for key in block], examples)


def _renamed(name: str, matches: list[Match]) -> list[Match]:
    """The matches under the name by which another topic goes."""
    return [Match(one.paper_id, name, one.score, one.because, one.parts) for one in matches]


def _matches(
    index: Index, queries: Queries, best: Best, tellers: Sequence[Teller] | None
) -> list[list[Match]]:
    """The matches of each topic, with scores and, if somebody tells them, reasons."""
    parts = best.block.parts(best.rows, best.numbers)
    rows, numbers = best.rows.tolist(), best.numbers.tolist()
    certain = [ruling.certain for ruling in best.rulings]
    for place, (row, number) in enumerate(zip(rows, numbers, strict=True)):
        if number in certain[row]:
            parts[place] = parts[place]._replace(author=float(CERTAIN) - sum(parts[place]))
    ids = [index.ids[number] for number in numbers]
    names = (queries.topics[row].name for row in rows)
    told: Iterable[tuple[str, ...]] = repeat((), len(rows))
    if tellers:
        told = (tellers[row].because(index, *one) for row, *one in zip(rows, ids, parts, strict=True))
    found = [*map(Match._make, zip(ids, names, best.scores, told, parts, strict=True))]
    return [found[start:end] for start, end in pairwise(best.ends())]
