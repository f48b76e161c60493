"""Reasons: the words, phrases, keywords, authors and likes that earned a match. Pure."""

from collections.abc import Sequence

from digest.match.index import Index
from digest.match.rules import Ruling
from digest.models import Topic

MOST = 6  # reasons are read at a glance


def because(index: Index, topic: Topic, words: Sequence[str], ruling: Ruling, number: int) -> tuple[str, ...]:
    """The reasons of one match, the strongest kind first: authors, keywords, the topic's words, likes.

    Words are spelt as the paper spells them, so that they can be found and marked there.
    """
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    reasons.extend(ruling.keywords.get(number, ()))
    reasons.extend(_shared_words(index, words, number))
    if topic.liked:
        reasons.append("like what you liked")
    return tuple(dict.fromkeys(reasons))[:MOST]


def _shared_words(index: Index, words: Sequence[str], number: int) -> list[str]:
    """The topic's words that the paper holds, the rarest first."""
    spellings = index.spellings(number)
    shared = [word for word in dict.fromkeys(words) if word in spellings]
    shared.sort(key=lambda word: -float(index.idf[index.vocabulary[word]]))
    return [spellings[word] for word in shared]
