"""Weigh: what each topic of a block says of each paper. Pure; numbers in, numbers out.

weight = (1 - likes) * (words + cover + meaning) + likes * likeness
logit  = slope of the topic * weight + what the topic itself adds
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from digest.match.exact import exact
from digest.match.index import Floats, Index, add_up, each
from digest.match.learn import likeness
from digest.match.query import Queries
from digest.match.words import Ints
from digest.models import Parts

LIKES_RARITY = 7.0  # liked papers say as much as a topic of words that one paper in 1000 holds
#: What likes add by themselves, in logits by their share: with it what is above a cut is as often relevant,
#: and as much of the relevant is above it, as without likes (`tests/benchmarks/calibrate.py --likes`).
LIKES_CREDIT = 1.5
SILENT = np.float32(-1e35)  # logit where nothing speaks for the paper; added, which is quicker than copied
TINY = np.float32(1e-6)  # so that no meaning at all is no hit, also where likes are all that counts
LIKENESS_FLOOR = 0.05  # what likes must add to make a paper a hit without any word of the topic


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """The parts of the weight, each queries x papers, and the logit that they make."""

    words: Floats  # BM25F, and that a paper holds many words of the topic
    meaning: Floats
    likes: Mapping[int, Floats]  # of each query that has any
    topics: Floats  # queries x 1: what the topic itself adds, whatever the paper
    logits: Floats  # topics x papers; next to SILENT where nothing speaks for the paper
    slopes: Floats  # queries x 1: what a weight of one adds
    loudest: Mapping[int, Ints]  # of each topic with other forms, for each paper the one that says most

    def parts(self, rows: Ints, numbers: Ints) -> list[Parts]:
        """What each part adds to the logits of some matches; together they are the logit."""
        said = _chosen(self.loudest, rows, numbers, rows)
        places = said * self.words.shape[1] + numbers
        likes = _chosen(self.likes, said, numbers, np.zeros(len(rows), np.float32))
        weights = (self.words.take(places), self.meaning.take(places), likes)
        columns = ((self.slopes[said, 0] * one).tolist() for one in weights)
        nobody = repeat(0.0, len(rows))
        return [*map(Parts._make, zip(*columns, self.topics[said, 0].tolist(), nobody, strict=True))]


def _chosen(rows_known: Mapping[int, Any], rows: Ints, numbers: Ints, otherwise: Any) -> Any:
    """What is known of each row and paper, else what stands in `otherwise`."""
    found = otherwise.copy()
    for row, known in rows_known.items():
        own = rows == row
        found[own] = known[numbers[own]]
    return found


def weigh(index: Index, queries: Queries) -> Block:
    """Weigh every paper for every query of a block.

    Each line over queries x papers is a pass over megabytes: what is the same for a whole row is put into
    the rows of the queries before they are multiplied.
    """
    share = queries.likes_share[:, None]
    postings = index.weights[queries.columns]
    weights, covers = (each(one, postings) for one in (queries.weights, queries.covers))
    words = add_up(postings, weights * postings.data + covers, queries.ends)
    scale = (1 - share) * np.float32(index.space.topic_share)
    meaning = np.asarray(exact(scale * index.space.topics(queries.texts)) @ index.meanings.T, np.float32)
    likes = likeness(index, queries)
    slopes, topics = _calibrated(index, queries, share)
    silent = words == 0
    silent &= meaning < np.maximum(scale * np.float32(index.space.floor), TINY)
    logits = words + meaning
    for row, near in likes.items():
        logits[row] += near
        silent[row] &= near < LIKENESS_FLOOR
    logits *= slopes
    topics[len(queries.topics) :, 0] -= queries.tolls
    logits += topics
    logits += silent * SILENT
    loudest = _join_forms(queries, logits)
    return Block(words, meaning, likes, topics, logits[: len(queries.topics)], slopes, loudest)


def _join_forms(queries: Queries, logits: Floats) -> dict[int, Ints]:
    """Write the logit of the best form of each topic into its row; returns which form that is."""
    loudest: dict[int, Ints] = {}
    for form, row in enumerate(queries.owners, len(queries.topics)):
        said = loudest.setdefault(row, np.full(logits.shape[1], row))
        said[logits[form] > logits[row]] = form
        np.maximum(logits[row], logits[form], out=logits[row])
    return loudest


def _calibrated(index: Index, queries: Queries, share: Floats) -> tuple[Floats, Floats]:
    """For each topic what a weight of one adds to the logit, and what the topic itself adds: two columns."""
    found = index.space.calibration
    length = (1 - share) * np.maximum(queries.lengths, 0)[:, None]
    brevity = (1 - share) * np.maximum(-queries.lengths, 0)[:, None]
    rarity = (1 - share) * queries.rarity[:, None] + share * LIKES_RARITY
    topics = found.rarity * rarity - found.toll * length + found.credit * brevity + found.base
    topics = topics + LIKES_CREDIT * share
    return np.asarray(found.slope + found.growth * length, np.float32), np.asarray(topics, np.float32)
