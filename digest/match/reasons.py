"""Reasons: the words, keywords, authors and likes that earned a match. Pure."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from digest.match.best import Best
from digest.match.index import Index
from digest.match.learn import learn
from digest.match.query import Queries
from digest.match.rules import NO_RULES, Ruling
from digest.match.words import Ints

MOST = 6  # reasons are read at a glance
TITLE = 60  # characters of a liked paper's title


def because(index: Index, queries: Queries, best: Best, liked: Sequence[bool]) -> list[tuple[str, ...]]:
    """The reasons of each match: author, keywords, category, the liked paper, the topic's rarest words.

    Words are spelt as the paper spells them, so that they can be found and marked there.
    """
    shared = _shared(index, queries, best.rows, best.numbers)
    likes = _liked(index, queries, best, liked)
    matches = zip(best.rows.tolist(), best.numbers.tolist(), likes, shared, strict=True)
    return [_join(best.rulings[row], number, like, words) for row, number, like, words in matches]


def _join(ruling: Ruling, number: int, like: str, words: list[str]) -> tuple[str, ...]:
    if ruling is NO_RULES:
        return (like, *words[: MOST - 1]) if like else tuple(words[:MOST])
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    reasons.extend(ruling.keywords_in(number))
    reasons.extend(f"in {category}" for category in ruling.categories_of(number)[:1])
    if like:
        reasons.append(like)
    reasons.extend(words)
    return tuple(dict.fromkeys(reasons))[:MOST]


def _liked(index: Index, queries: Queries, best: Best, liked: Sequence[bool]) -> list[str]:
    """For each match that likes earned, the liked paper of nearest meaning; empty for the others."""
    found = [""] * len(liked)
    earned = np.flatnonzero(liked)
    for row in np.unique(best.rows[earned]).tolist():
        places = earned[best.rows[earned] == row]
        papers = queries.liked[row]
        if not papers:
            continue
        known = learn(index, papers)
        meanings = np.stack([known[paper.id].meaning for paper in papers])
        nearest = (index.meanings[best.numbers[places]] @ meanings.T).argmax(axis=1)
        for place, one in zip(places.tolist(), nearest.tolist(), strict=True):
            found[place] = f"you liked “{_short(papers[one].title)}”"
    return found


def _short(title: str) -> str:
    flat = " ".join(title.split())
    return flat if len(flat) <= TITLE else f"{flat[: TITLE - 1].rstrip()}…"


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
