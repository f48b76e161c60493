"""A topic as a query: its words with their weights in one index. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digest.match.background import load_background
from digest.match.index import PAIR_WEIGHT, Floats, Index, Ints
from digest.match.text import terms
from digest.models import Paper, Topic

MOST_WORDS = 400  # of a topic are read; more would only blur it
FULL = 2.2  # BM25 weight, in rarities, of a word that a paper says often
COVER_SHARE = 0.5  # what it adds that a paper holds every word of the topic, however seldom


@dataclass(frozen=True, slots=True)
class Query:
    """What one topic asks of one index."""

    topic: Topic
    words: tuple[str, ...]  # distinct terms, in the topic's order
    columns: Ints  # terms, then pairs, that occur in the index
    weights: Floats  # of each column: a paper with every word often comes to about 1, less beside likes
    covers: Floats  # of each column: what it adds that it occurs at all; together COVER_SHARE
    by_rarity: tuple[str, ...]  # the words, the rarest in the literature first
    rarity: float  # of the rarest word
    liked: tuple[Paper, ...]
    disliked: tuple[Paper, ...]

    @property
    def likes_share(self) -> float:
        """How much the liked papers weigh against the words: n / (n + 2); all without words."""
        return likes_weight(len(self.liked)) if self.words else 1.0


def likes_weight(count: int) -> float:
    """How much `count` examples weigh: n / (n + 2)."""
    return count / (count + 2)


def make_query(index: Index, topic: Topic, examples: Mapping[str, Paper]) -> Query:
    """Look the topic's words up in the index."""
    text = terms(topic.text)
    words = tuple(dict.fromkeys(text))[:MOST_WORDS]
    kept = set(words)
    single, pairs = index.columns([word for word in text if word in kept])
    shares = np.array([1.0] * len(single) + [PAIR_WEIGHT] * len(pairs), np.float32)
    rarities = {word: _rarity(index, word) for word in words}
    liked = _known(topic.liked, examples)
    heard = 1 - likes_weight(len(liked))  # what the words weigh beside the likes
    covers = np.zeros(len(shares), np.float32)
    covers[: len(single)] = index.rarity[single] * (heard * COVER_SHARE / (sum(rarities.values()) or 1.0))
    return Query(
        topic=topic,
        words=words,
        columns=np.array([*single, *pairs], np.int64),
        weights=shares * np.float32(heard / (FULL * _possible(index, words))),
        covers=covers,
        by_rarity=tuple(sorted(words, key=lambda word: -rarities[word])),
        rarity=max(rarities.values(), default=0.0),
        liked=liked,
        disliked=_known(topic.disliked, examples),
    )


def _known(ids: Sequence[str], examples: Mapping[str, Paper]) -> tuple[Paper, ...]:
    return tuple(examples[one] for one in dict.fromkeys(ids) if one in examples)


def _possible(index: Index, words: Sequence[str]) -> float:
    """The rarities of all words in this batch added up; those that it lacks count as the rarest."""
    found = (index.vocabulary.get(word) for word in words)
    return sum(index.rarest if column is None else float(index.idf[column]) for column in found) or 1.0


def _rarity(index: Index, word: str) -> float:
    """How rare a word is in the literature."""
    column = index.vocabulary.get(word)
    return load_background().rarity_of(word) if column is None else float(index.rarity[column])
