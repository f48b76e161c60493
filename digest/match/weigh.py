"""Weigh: what each topic of a block says of each paper. Pure; numbers in, numbers out.

weight = (1 - likes) * (words + cover + meaning) + likes * likeness
logit  = slope of the topic * weight + what the topic itself adds
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from digest.match.exact import exact
from digest.match.index import Floats, Index
from digest.match.learn import likeness
from digest.match.query import Queries
from digest.match.words import Ints

LIKES_RARITY = 7.0  # liked papers say as much as a topic of words that one paper in 1000 holds
TINY = np.float32(1e-6)  # so that no meaning at all is no hit, also where likes are all that counts
LIKENESS_FLOOR = 0.05  # what likes must add to make a paper a hit without any word of the topic


@dataclass(frozen=True, slots=True)
class Block:
    """The parts of the weight, each queries x papers, and the logit that they make."""

    words: Floats
    cover: Floats
    meaning: Floats
    likes: Floats | None  # None where nobody in the block has likes
    topics: Floats  # queries x 1: what the topic itself adds, whatever the paper
    logits: Floats  # minus infinity where nothing speaks for the paper
    slopes: Floats  # queries x 1: what a weight of one adds

    def parts(self, rows: Ints, numbers: Ints) -> list[dict[str, float]]:
        """What each part adds to the logits of some matches; together they are the logit."""
        weights = (self.words, self.cover, self.meaning, self.likes)
        slopes = self.slopes[rows, 0]
        columns = [
            (slopes * part[rows, numbers]).tolist() if part is not None else [0.0] * len(rows)
            for part in weights
        ]
        return [
            {"words": words, "cover": cover, "meaning": meaning, "likes": likes, "topic": topic}
            for words, cover, meaning, likes, topic in zip(
                *columns, self.topics[rows, 0].tolist(), strict=True
            )
        ]


def weigh(index: Index, queries: Queries) -> Block:
    """Weigh every paper for every query of a block.

    Each line over queries x papers is a pass over megabytes: what is the same for a whole row is put into
    the rows of the queries before they are multiplied.
    """
    share = queries.likes_share[:, None]
    words, cover = _words(index, queries)
    scale = (1 - share) * np.float32(index.space.topic_share)
    meaning = np.asarray(exact(scale * index.space.topics(queries.texts)) @ index.meanings.T, np.float32)
    likes = likeness(index, queries)
    slopes, topics = _calibrated(index, queries, share)
    logits = words + cover
    silent = (words == 0) & (meaning < np.maximum(scale * np.float32(index.space.floor), TINY))
    logits += meaning
    if likes is not None:
        logits += likes
        silent &= likes < LIKENESS_FLOOR
    logits *= slopes
    logits += topics
    np.copyto(logits, -np.inf, where=silent)
    return Block(words, cover, meaning, likes, topics, logits, slopes)


def _words(index: Index, queries: Queries) -> tuple[Floats, Floats]:
    """BM25F weights and cover, each queries x papers: the postings of the entries, scaled and added up."""
    postings = index.weights[queries.columns]
    lengths, ends = np.diff(postings.indptr), postings.indptr[queries.ends]
    shape = (len(queries), len(index.papers))
    words = postings.data * np.repeat(queries.weights, lengths)
    covers = np.repeat(queries.covers, lengths)
    # A dense copy adds up what stands twice in a row; it is all of a product that is needed here.
    return tuple(
        sparse.csr_matrix((data, postings.indices, ends), shape).toarray() for data in (words, covers)
    )


def _calibrated(index: Index, queries: Queries, share: Floats) -> tuple[Floats, Floats]:
    """For each topic what a weight of one adds to the logit, and what the topic itself adds: two columns."""
    found = index.space.calibration
    length = (1 - share) * np.maximum(queries.lengths, 0)[:, None]
    brevity = (1 - share) * np.maximum(-queries.lengths, 0)[:, None]
    rarity = (1 - share) * queries.rarity[:, None] + share * LIKES_RARITY
    topics = found.rarity * rarity - found.toll * length + found.credit * brevity + found.base
    return np.asarray(found.slope + found.growth * length, np.float32), np.asarray(topics, np.float32)
