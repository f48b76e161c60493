"""Learn from likes: liked and disliked papers as one direction. Pure.

No classifier per subscriber: the centroid of the liked papers, less a part of the disliked ones, is
better at one to ten likes and a thousand times faster.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from digest.match.index import Example, Floats, Index, build_index, unit_rows
from digest.match.meaning import unit
from digest.match.query import Query, likes_weight
from digest.models import Paper

WORDS_SHARE = 6.0  # what a cosine of one with the words of the liked papers adds
DISLIKE_SHARE = 0.4  # of the centroid of the disliked papers; 0.75 hurt


def likeness(index: Index, queries: Sequence[Query]) -> Floats | None:
    """What the likes of each query add to the weight of each paper: queries x papers; None without any."""
    rows = [number for number, query in enumerate(queries) if query.liked or query.disliked]
    asked = [queries[number] for number in rows]
    if not asked:
        return None
    found = np.zeros((len(queries), len(index.papers)), np.float32)
    _learn(index, [paper for query in asked for paper in (*query.liked, *query.disliked)])
    liked = [(query.liked, query.likes_share) for query in asked]
    disliked = [(query.disliked, -DISLIKE_SHARE * _dislike_weight(query)) for query in asked]
    for sides in (liked, disliked):
        if any(papers for papers, _ in sides):
            found[rows] += _similarity(index, sides)
    return found


def _similarity(index: Index, sides: Sequence[tuple[Sequence[Paper], float]]) -> Floats:
    """Cosines with the centroid of the papers of each side, times the weight of the side."""
    papers = {paper.id: None for group, _ in sides for paper in group}
    places = {one: place for place, one in enumerate(papers)}
    members = [[places[paper.id] for paper in group] for group, _ in sides]
    ends = np.concatenate([[0], np.cumsum([len(group) for group in members])])
    columns = np.array([place for group in members for place in group], np.int64)
    shape = (len(sides), len(papers))
    sums = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=shape)
    weights = np.array([[weight] for _, weight in sides], np.float32)
    words = unit_rows((sums @ sparse.vstack([index.known[one].words for one in papers])).tocsr())
    meanings = unit(sums @ np.stack([index.known[one].meaning for one in papers]))
    by_words = (words @ index.postings).toarray()
    by_meaning = np.float32(index.space.likes_share) * (meanings @ index.meanings.T)
    return np.asarray(weights * (np.float32(WORDS_SHARE) * by_words + by_meaning), np.float32)


def _learn(index: Index, papers: Sequence[Paper]) -> None:
    """Read the papers that the index does not know yet as examples."""
    fresh = list({paper.id: paper for paper in papers if paper.id not in index.known}.values())
    if not fresh:
        return
    read = build_index(fresh, index.space)
    words, meanings = index.directions(read), read.meanings
    for row, paper in enumerate(fresh):
        index.known[paper.id] = Example(words[row], meanings[row])


def _dislike_weight(query: Query) -> float:
    """Dislikes weigh by their number, and at least as much as the likes beside them."""
    return max(likes_weight(len(query.disliked)), query.likes_share if query.liked else 0.0)
