"""Weigh: what each topic of a block says of each paper. Pure; numbers in, numbers out.

weight = (1 - likes) * (words + cover + meaning) + likes * likeness
logit  = slope * weight + rarity of the topic + base
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from digest.match.index import Floats, Index
from digest.match.learn import likeness
from digest.match.query import Query

LIKES_RARITY = 8.0  # liked papers say as much as a topic with a word that one paper in 3000 holds
LIKENESS_FLOOR = 0.05  # what likes must add to make a paper a hit without any word of the topic

PARTS = ("words", "cover", "meaning", "likes", "topic")


@dataclass(frozen=True, slots=True)
class Block:
    """The parts of the weight, each queries x papers, and the logit that they make."""

    words: Floats
    cover: Floats
    meaning: Floats
    likes: Floats
    topics: Floats  # queries x 1: what the topic itself adds, whatever the paper
    logits: Floats  # minus infinity where nothing speaks for the paper
    slope: float

    def parts(self, rows: Sequence[int], numbers: Sequence[int]) -> Iterator[dict[str, float]]:
        """What each part adds to the logits of some matches; together they are the logit."""
        weights = (self.words, self.cover, self.meaning, self.likes)
        columns = [(self.slope * part[rows, numbers]).tolist() for part in weights]
        for values in zip(*columns, self.topics[rows, 0].tolist(), strict=True):
            yield dict(zip(PARTS, values, strict=True))


def weigh(index: Index, queries: Sequence[Query]) -> Block:
    """Weigh every paper for every query of a block."""
    share = np.array([[query.likes_share] for query in queries], np.float32)
    words, cover = (1 - share) * _words(index, queries)
    texts = [query.topic.text if query.words else "" for query in queries]
    cosines = index.space.topics(texts) @ index.meanings.T
    meaning = (1 - share) * np.float32(index.space.topic_share) * cosines
    likes = likeness(index, queries)
    topics = _topics(index, queries, share)
    slope = index.space.calibration.slope
    hit = (words > 0) | (cosines >= index.space.floor) | (likes >= LIKENESS_FLOOR)
    logits = np.where(hit, slope * (words + cover + meaning + likes) + topics, -np.inf).astype(np.float32)
    return Block(words, cover, meaning, likes, topics, logits, slope)


def _words(index: Index, queries: Sequence[Query]) -> Floats:
    """BM25F weights and cover, 2 x queries x papers, by a product with the postings that are asked."""
    used, places = np.unique(np.concatenate([query.columns for query in queries]), return_inverse=True)
    postings = index.weights[used].toarray()
    ends = np.concatenate([[0], np.cumsum([len(query.columns) for query in queries])])
    shape = (len(queries), len(used))

    def product(values: Floats, columns: Any) -> Any:
        return sparse.csr_matrix((values, places, ends), shape=shape) @ columns

    weights = np.concatenate([query.weights for query in queries])
    covers = np.concatenate([query.covers for query in queries])
    return np.stack([product(weights, postings), product(covers, (postings > 0).astype(np.float32))])


def _topics(index: Index, queries: Sequence[Query], share: Floats) -> Floats:
    """What the rarity of each topic adds to the logit of all its papers."""
    calibration = index.space.calibration
    rarity = np.array([[query.rarity] for query in queries], np.float32)
    topics = calibration.rarity * ((1 - share) * rarity + share * LIKES_RARITY) + calibration.base
    return np.asarray(topics, np.float32)
