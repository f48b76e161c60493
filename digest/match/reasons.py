"""Reasons: the words, keywords, authors and likes that earned a match. Pure."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from digest.match.best import Best
from digest.match.index import Index
from digest.match.query import Queries
from digest.match.rules import NO_RULES, Ruling
from digest.match.words import Ints

MOST = 6  # reasons are read at a glance


LIKED = "papers that you liked"


def because(index: Index, queries: Queries, best: Best, liked: Sequence[bool]) -> list[tuple[str, ...]]:
    """The reasons of each match: authors, keywords, likes, the topic's words with the rarest first.

    Words are spelt as the paper spells them, so that they can be found and marked there.
    """
    shared = _shared(index, queries, best.rows, best.numbers)
    plain = [ruling is NO_RULES for ruling in best.rulings]
    matches = zip(best.rows.tolist(), best.numbers.tolist(), liked, shared, strict=True)
    return [
        tuple(words[:MOST]) if plain[row] and not likes else _join(best.rulings[row], number, likes, words)
        for row, number, likes, words in matches
    ]


def _join(ruling: Ruling, number: int, liked: bool, words: list[str]) -> tuple[str, ...]:
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    reasons.extend(ruling.keywords_in(number))
    if liked:
        reasons.append(LIKED)
    reasons.extend(words)
    return tuple(dict.fromkeys(reasons))[:MOST]


def _shared(index: Index, queries: Queries, rows: Ints, numbers: Ints) -> list[list[str]]:
    """The words of its topic that each paper holds, the rarest first, as the paper spells them."""
    counts = np.diff(queries.telling_ends)[rows]
    matches = np.repeat(np.arange(len(rows)), counts)
    places = np.arange(len(matches)) - np.repeat(np.cumsum(counts) - counts, counts)
    terms = queries.telling[queries.telling_ends[rows][matches] + places]
    spelled = index.spellings(numbers[matches], terms)
    found = spelled >= 0
    spellings = index.words.spellings
    words = [spellings[one] for one in spelled[found].tolist()]
    ends = np.searchsorted(matches[found], np.arange(len(rows) + 1)).tolist()
    return [words[start:end] for start, end in pairwise(ends)]
