"""Learn from likes: liked and disliked papers as one direction. Pure.

No classifier per subscriber: the centroid of the liked papers, less a part of the disliked ones, is
better at one to ten likes and a thousand times faster.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from digest.match.exact import exact
from digest.match.index import Example, Floats, Index, build_index, unit_rows
from digest.match.meaning import unit
from digest.match.query import Queries, likes_weight
from digest.match.words import Ints
from digest.models import Paper

WORDS_SHARE = 6.0  # what a cosine of one with the words of the liked papers adds
DISLIKE_SHARE = 0.4  # of the centroid of the disliked papers; 0.75 hurt


def likeness(index: Index, queries: Queries) -> dict[int, Floats]:
    """What the likes of each query that has any add to the weight of each paper."""
    sides = [*_sides(queries)]
    if not sides:
        return {}
    known = learn(index, [paper for _, papers, _ in sides for paper in papers])
    found: dict[int, Floats] = {}
    for (row, *_), near in zip(sides, _similarity(index, sides, known), strict=True):
        found[row] = found[row] + near if row in found else near
    forms = enumerate(queries.owners, len(queries.topics))
    return found | {form: found[row] for form, row in forms if row in found}


def _sides(queries: Queries) -> Iterator[tuple[int, Sequence[Paper], float]]:
    """The liked and the disliked papers of each topic that has any, and how much they weigh."""
    shares = queries.likes_share[: len(queries.topics)].tolist()
    sides = zip(queries.liked, queries.disliked, shares, strict=True)
    for row, (liked, disliked, share) in enumerate(sides):
        if liked:
            yield row, liked, share
        if disliked:
            # Dislikes weigh by their number, and at least as much as the likes beside them.
            weight = max(likes_weight(len(disliked)), share if liked else 0.0)
            yield row, disliked, -DISLIKE_SHARE * weight


def _similarity(
    index: Index, sides: Sequence[tuple[int, Sequence[Paper], float]], known: Mapping[str, Example]
) -> Floats:
    """Cosines with the centroid of the papers of each side, times the weight of the side."""
    members = [known[paper.id] for _, papers, _ in sides for paper in papers]
    ends = np.cumsum([0, *(len(papers) for _, papers, _ in sides)])
    weights = np.array([[weight] for *_, weight in sides], np.float32)
    by_words = np.float32(WORDS_SHARE) * index.postings.near(_centroids(members, ends, index.size))
    sums = np.add.reduceat(np.stack([one.meaning for one in members]), ends[:-1])
    by_meaning = np.float32(index.space.likes_share) * (exact(unit(sums)) @ index.meanings.T)
    return np.asarray(weights * (by_words + by_meaning), np.float32)


def _centroids(members: Sequence[Example], ends: Ints, size: int) -> Any:
    """The directions of the words of examples; those of side n are ends[n] to ends[n + 1]."""
    columns = np.concatenate([one.columns for one in members])
    words = np.concatenate([one.words for one in members])
    own = np.cumsum([0, *(len(one.columns) for one in members)])[ends]
    sums = sparse.csr_matrix((words, columns, own), (len(ends) - 1, size))
    sums.sum_duplicates()  # a product of matrices would go through all columns there are
    return unit_rows(sums)


def learn(index: Index, papers: Iterable[Paper]) -> dict[str, Example]:
    """The papers as examples, each once, by id; those that the index does not know yet are read."""
    asked = {paper.id: paper for paper in papers}
    known = {one: index.known.get(one) for one in asked}
    fresh = [asked[one] for one, found in known.items() if found is None]
    if fresh:
        known |= zip((paper.id for paper in fresh), _read(index, fresh), strict=True)
    found = {one: example for one, example in known.items() if example is not None}
    for paper in fresh:
        index.known.keep(paper.id, found[paper.id])
    return found


def _read(index: Index, papers: Sequence[Paper]) -> Iterator[Example]:
    read = build_index(papers, index.space)
    rows = index.directions(read)
    for row, meaning in enumerate(read.meanings):
        own = slice(rows.indptr[row], rows.indptr[row + 1])
        yield Example(rows.indices[own].copy(), rows.data[own].copy(), meaning.copy())
