"""Reasons: the phrases, words, keywords, authors and likes that earned a match. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from digest.match.index import Index
from digest.match.learn import learn
from digest.match.query import Queries
from digest.match.rules import NO_RULES, Ruling
from digest.match.spelling import Spelling
from digest.match.text import terms, topic_terms
from digest.match.words import Ints

MOST = 6  # reasons are read at a glance
LONGEST = 5  # words of a phrase
TITLE = 60  # characters of a liked paper's title


class Piece(NamedTuple):
    """A word or phrase of a topic."""

    rank: int  # place of its rarest word among those of the topic
    phrase: str  # its terms, parted by blanks
    words: frozenset[str]


def because(
    index: Index,
    queries: Queries,
    rulings: Sequence[Ruling],
    rows: Ints,
    numbers: Ints,
    liked: Sequence[bool],
) -> list[tuple[str, ...]]:
    """The reasons of each match: author, keywords, category, the liked paper, the topic's phrases and words.

    A match is the row of a topic and the number of a paper; `liked`: likes earned it. Phrases are spelt as
    the paper spells them, so that they can be found and marked there.
    """
    likes = _liked(index, queries, rows, numbers, liked)
    said = {row: _said(index, queries, row) for row in dict.fromkeys(rows.tolist())}
    found = []
    for row, number, like in zip(rows.tolist(), numbers.tolist(), likes, strict=True):
        told, spare = said[row]
        spelling = index.spelling(number)
        words = _shared(spelling, told) or _shared(spelling, spare)
        found.append(_join(rulings[row], number, like, words))
    return found


def _join(ruling: Ruling, number: int, like: str, words: list[str]) -> tuple[str, ...]:
    if ruling is NO_RULES:
        return (like, *words[: MOST - 1]) if like else tuple(words[:MOST])
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    keywords = ruling.keywords_in(number)
    told = _distinct([*keywords, *words])
    reasons.extend(one for one in keywords if one in told)
    reasons.extend(f"in {category}" for category in ruling.categories_of(number)[:1])
    if like:
        reasons.append(like)
    reasons.extend(one for one in words if one in told)
    return tuple(dict.fromkeys(reasons))[:MOST]


def _distinct(said: Sequence[str]) -> set[str]:
    """What is neither told twice nor part of a longer phrase, whatever the case and the endings."""
    lines = {f" {' '.join(terms(one)) or one} ": one for one in reversed(said)}
    return {one for line, one in lines.items() if not any(line in other != line for other in lines)}


def _liked(index: Index, queries: Queries, rows: Ints, numbers: Ints, liked: Sequence[bool]) -> list[str]:
    """For each match that likes earned, the liked paper of nearest meaning; empty for the others."""
    found = [""] * len(liked)
    earned = np.flatnonzero(liked)
    for row in np.unique(rows[earned]).tolist():
        places = earned[rows[earned] == row]
        papers = queries.liked[row]
        if not papers:
            continue
        known = learn(index, papers)
        meanings = np.stack([known[paper.id].meaning for paper in papers])
        nearest = (index.meanings[numbers[places]] @ meanings.T).argmax(axis=1)
        for place, one in zip(places.tolist(), nearest.tolist(), strict=True):
            found[place] = f"you liked “{_short(papers[one].title)}”"
    return found


def _short(title: str) -> str:
    flat = " ".join(title.split())
    return flat if len(flat) <= TITLE else f"{flat[: TITLE - 1].rstrip()}…"


def _said(index: Index, queries: Queries, row: int) -> tuple[list[Piece], list[Piece]]:
    """What is told of a topic, typed or in another form, the longest first; and what else, if there is none.

    Single words of a spelled out acronym tell little; all others come first.
    """
    start, end = queries.telling_ends[row : row + 2].tolist()
    places = {number: place for place, number in enumerate(queries.telling[start:end].tolist())}
    own = topic_terms(queries.texts[row])
    told = [*_pieces(own, [places.get(index.vocabulary.get(word, -1), -1) for word in own])]
    forms = [form for owner, form in queries.forms if owner == row]
    if not forms:
        return told, []
    other = [piece for form in forms for piece in _pieces(form, [_rank(index, word) for word in form])]
    known = {piece.phrase for piece in told}.union(index.acronyms.meanings)
    spare = [piece for piece in other if " " not in piece.phrase and piece.phrase not in known]
    told += [piece for piece in other if " " in piece.phrase or piece.phrase in known]
    return sorted(told, key=lambda piece: -len(piece.words)), spare


def _rank(index: Index, word: str) -> int:
    return 0 if word in index.vocabulary else -1


def _pieces(words: Sequence[str], ranks: Sequence[int]) -> Iterator[Piece]:
    """The words and phrases without a word of rank -1, which no paper of the index holds."""
    for length in range(min(LONGEST, len(words)), 0, -1):
        for first in range(len(words) - length + 1):
            rank, piece = min(ranks[first : first + length]), words[first : first + length]
            if rank >= 0:
                yield Piece(rank, " ".join(piece), frozenset(piece))


def _shared(spelling: Spelling, said: Sequence[Piece]) -> list[str]:
    """What a paper holds of a topic, as it spells it: no word twice, the rarest first."""
    used: set[str] = set()
    found: list[tuple[int, str]] = []
    for rank, phrase, words in said:
        if used.isdisjoint(words) and (spelled := spelling.of(phrase)):
            used |= words
            found.append((rank, spelled))
    return [spelled for _, spelled in sorted(found)]
