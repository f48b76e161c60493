"""Losses: what a topic does not find, and why, told to whoever asks. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from digest.match.background import load_background
from digest.match.index import Index
from digest.match.rank import rank
from digest.match.rules import judge
from digest.match.text import IS_UNSPACED, surfaces, term
from digest.models import Paper, Topic


def losses(index: Index, topic: Topic, *, examples: Mapping[str, Paper], cut: float) -> list[str]:
    """Each rule that keeps out papers that would be at or above the `cut`, with their number.

    A paper that two rules keep out counts at both.
    """
    if not (topic.keywords or topic.exclude or topic.categories):
        return []
    bare = replace(topic, keywords=(), exclude=(), categories=(), authors=())
    [matches] = rank(index, [bare], examples=examples, cut=cut)
    matching = index.register.none()
    matching[[index.numbers[match.paper_id] for match in matches]] = True
    return [f"{count} {said}" for said, count in judge(index, topic).losses(matching) if count]


def unheard(index: Index, topic: Topic) -> list[str]:
    """The words of a topic and its rules that neither papers nor the literature hold: most are misspelt."""
    known = (index.vocabulary, load_background().numbers, index.acronyms.meanings)
    said = " ; ".join((topic.text, *topic.keywords, *topic.exclude))
    words = {word: term(word) for word in surfaces(said) if not IS_UNSPACED.match(word)}
    return [word for word, stem in words.items() if stem and not any(stem in terms for terms in known)]
