"""Learn from likes: liked and disliked papers as one direction. Pure.

No classifier per subscriber: the centroid of the liked papers, less a part of the disliked ones, is
better at one to ten likes and a thousand times faster.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from digest.match.index import Example, Floats, Index, build_index, unit_rows
from digest.match.meaning import unit
from digest.match.query import Queries, likes_weight
from digest.models import Paper

WORDS_SHARE = 6.0  # what a cosine of one with the words of the liked papers adds
DISLIKE_SHARE = 0.4  # of the centroid of the disliked papers; 0.75 hurt


def likeness(index: Index, queries: Queries) -> Floats | None:
    """What the likes of each query add to the weight of each paper: queries x papers; None without any."""
    sides = [*_sides(queries)]
    if not sides:
        return None
    found = np.zeros((len(queries), len(index.papers)), np.float32)
    learn(index, [paper for _, papers, _ in sides for paper in papers])
    for row, near in zip([row for row, *_ in sides], _similarity(index, sides), strict=True):
        found[row] += near
    return found


def _sides(queries: Queries) -> Iterator[tuple[int, Sequence[Paper], float]]:
    """The liked and the disliked papers of each query that has any, and how much they weigh."""
    for row, (liked, disliked) in enumerate(zip(queries.liked, queries.disliked, strict=True)):
        share = float(queries.likes_share[row])
        if liked:
            yield row, liked, share
        if disliked:
            # Dislikes weigh by their number, and at least as much as the likes beside them.
            weight = max(likes_weight(len(disliked)), share if liked else 0.0)
            yield row, disliked, -DISLIKE_SHARE * weight


def _similarity(index: Index, sides: Sequence[tuple[int, Sequence[Paper], float]]) -> Floats:
    """Cosines with the centroid of the papers of each side, times the weight of the side."""
    ids = list(dict.fromkeys(paper.id for _, papers, _ in sides for paper in papers))
    places = {one: place for place, one in enumerate(ids)}
    columns = np.array([places[paper.id] for _, papers, _ in sides for paper in papers], np.int64)
    ends = np.concatenate([[0], np.cumsum([len(papers) for _, papers, _ in sides])])
    sums = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(sides), len(ids)))
    words = unit_rows(sums @ _rows([index.known[one] for one in ids], index.size))
    meanings = unit(sums @ np.stack([index.known[one].meaning for one in ids]))
    weights = np.array([[weight] for *_, weight in sides], np.float32)
    by_meaning = np.float32(index.space.likes_share) * (meanings @ index.meanings.T)
    by_words = np.float32(WORDS_SHARE) * index.near(words)
    return np.asarray(weights * (by_words + by_meaning), np.float32)


def _rows(known: Sequence[Example], size: int) -> Any:
    """The words of examples, one below the other: examples x columns."""
    ends = np.concatenate([[0], np.cumsum([len(one.columns) for one in known])])
    columns = np.concatenate([one.columns for one in known])
    return sparse.csr_matrix(
        (np.concatenate([one.words for one in known]), columns, ends), (len(known), size)
    )


def learn(index: Index, papers: Iterable[Paper]) -> None:
    """Read the papers that the index does not know yet as examples."""
    fresh = list({paper.id: paper for paper in papers if paper.id not in index.known}.values())
    if not fresh:
        return
    read = build_index(fresh, index.space)
    rows, meanings = index.directions(read), read.meanings
    for row, (paper, meaning) in enumerate(zip(fresh, meanings, strict=True)):
        own = slice(rows.indptr[row], rows.indptr[row + 1])
        index.known[paper.id] = Example(rows.indices[own].copy(), rows.data[own].copy(), meaning.copy())
