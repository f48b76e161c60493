"""Reasons: the words, keywords, authors and likes that earned a match. Pure."""

from digest.match.index import Index
from digest.match.query import Query
from digest.match.rules import Ruling

MOST = 6  # reasons are read at a glance


LIKED = "papers that you liked"


def because(
    index: Index, query: Query, ruling: Ruling, number: int, *, liked: bool = False
) -> tuple[str, ...]:
    """The reasons of one match: authors, keywords, likes, the topic's words with the rarest first.

    Words are spelt as the paper spells them, so that they can be found and marked there.
    """
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    reasons.extend(ruling.keywords_in(number))
    if liked:
        reasons.append(LIKED)
    spellings = index.spellings(number)
    reasons.extend(spellings[word] for word in query.by_rarity if word in spellings)
    return tuple(dict.fromkeys(reasons))[:MOST]
