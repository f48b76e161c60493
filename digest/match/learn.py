"""Learn from likes: liked and disliked papers as one direction. Pure.

No classifier per subscriber: the centroid of the liked papers, less a part of the disliked ones, is
better at one to ten likes and a thousand times faster.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from digest.match.index import Floats, Index, build_index, unit_rows
from digest.match.meaning import unit
from digest.match.query import Query, likes_weight
from digest.models import Paper

WORDS_SHARE = 6.0  # what a cosine of one with the words of the liked papers adds
DISLIKE_SHARE = 0.4  # of the centroid of the disliked papers; 0.75 hurt


class Examples:
    """The liked and disliked papers of a block of queries, each read once."""

    def __init__(self, index: Index, queries: Sequence[Query]) -> None:
        papers = {paper.id: paper for query in queries for paper in (*query.liked, *query.disliked)}
        self._places = {one: place for place, one in enumerate(papers)}
        self._words = index.directions([*papers.values()])
        self._meanings = build_index([*papers.values()], index.space).meanings

    def words(self, query: Query) -> Any:
        """One sparse row: the direction of the words that the reader likes."""
        total = self._words.shape[1]
        row = sparse.csr_matrix((1, total), dtype=np.float32)
        for papers, share in _sides(query):
            mean = sparse.csr_matrix(self._words[self._rows(papers)].mean(axis=0), dtype=np.float32)
            row = row + np.float32(share) * unit_rows(mean)
        return row

    def meaning(self, query: Query) -> Floats:
        """One row: the direction of what the reader likes."""
        row = np.zeros((1, self._meanings.shape[1]), np.float32)
        for papers, share in _sides(query):
            row += np.float32(share) * unit(self._meanings[self._rows(papers)].mean(axis=0, keepdims=True))
        return row

    def _rows(self, papers: Sequence[Paper]) -> list[int]:
        return [self._places[paper.id] for paper in papers]


def likeness(index: Index, queries: Sequence[Query]) -> Floats:
    """What the likes of each query add to the weight of each paper: queries x papers."""
    found = np.zeros((len(queries), len(index.papers)), np.float32)
    rows = [number for number, query in enumerate(queries) if query.liked or query.disliked]
    if not rows:
        return found
    examples = Examples(index, [queries[number] for number in rows])
    words = sparse.vstack([examples.words(queries[number]) for number in rows]).tocsr()
    meanings = np.concatenate([examples.meaning(queries[number]) for number in rows])
    found[rows] = WORDS_SHARE * (words @ index.vectors.T).toarray()
    found[rows] += np.float32(index.space.likes_share) * (meanings @ index.meanings.T)
    return found


def _sides(query: Query) -> list[tuple[Sequence[Paper], float]]:
    """Liked and disliked papers with what their centroids weigh."""
    sides = (
        (query.liked, likes_weight(len(query.liked)) if query.words else 1.0),
        (query.disliked, -DISLIKE_SHARE * _dislike_weight(query)),
    )
    return [(papers, share) for papers, share in sides if papers]


def _dislike_weight(query: Query) -> float:
    return max(likes_weight(len(query.disliked)), query.likes_share if query.liked else 0.0)
