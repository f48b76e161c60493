"""Losses: what the rules of a topic keep out, told to whoever asks why. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from digest.match.index import Index
from digest.match.rank import rank
from digest.match.rules import judge
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
