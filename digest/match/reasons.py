"""Reasons: the words, keywords, authors and likes that earned a match. Pure."""

from digest.match.index import Index
from digest.match.query import Query
from digest.match.rules import Ruling

MOST = 6  # reasons are read at a glance


def because(index: Index, query: Query, ruling: Ruling, number: int) -> tuple[str, ...]:
    """The reasons of one match: authors, keywords, the topic's words with the rarest first.

    Words are spelt as the paper spells them, so that they can be found and marked there.
    """
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    reasons.extend(ruling.keywords.get(number, ()))
    reasons.extend(_shared_words(index, query, number))
    return tuple(dict.fromkeys(reasons))[:MOST]


def _shared_words(index: Index, query: Query, number: int) -> list[str]:
    """The topic's words that the paper holds."""
    spellings = index.spellings(number)
    shared = [word for word in query.words if word in spellings]
    shared.sort(key=lambda word: -float(index.rarity[index.vocabulary[word]]))
    return [spellings[word] for word in shared]
