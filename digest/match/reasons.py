"""Reasons: the words, keywords, authors and likes that earned a match. Pure."""

from digest.match.index import Index
from digest.match.query import Query
from digest.match.rules import NO_RULES, Ruling

MOST = 6  # reasons are read at a glance


LIKED = "papers that you liked"


def because(
    index: Index, query: Query, ruling: Ruling, number: int, *, liked: bool = False
) -> tuple[str, ...]:
    """The reasons of one match: authors, keywords, likes, the topic's words with the rarest first.

    Words are spelt as the paper spells them, so that they can be found and marked there.
    """
    spellings = index.spellings(number)
    shared = [spellings[word] for word in query.by_rarity if word in spellings]
    if ruling is NO_RULES and not liked:
        return tuple(dict.fromkeys(shared))[:MOST]
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    reasons.extend(ruling.keywords_in(number))
    if liked:
        reasons.append(LIKED)
    reasons.extend(shared)
    return tuple(dict.fromkeys(reasons))[:MOST]
