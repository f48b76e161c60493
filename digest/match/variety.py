"""Variety: near-duplicates left out, and a choice that does not say one thing ten times. Pure."""

from collections.abc import Sequence

import numpy as np

from digest.match.index import Floats, Index
from digest.models import Match

RELEVANCE_SHARE = 0.9  # MMR's lambda: 0.9 costs no relevance, 0.8 does
POOL = 50  # the best matches, among which is chosen
SURE = 7.0  # logit above which papers are equally sure: those of followed authors do not dwarf the others


def drop_twins(index: Index, matches: Sequence[Match]) -> list[Match]:
    """The matches without near-duplicates of better ones; the order stays."""
    first: dict[int, Match] = {}
    for match in matches:
        first.setdefault(index.twins[index.numbers[match.paper_id]], match)
    return list(first.values())


def choose_varied(index: Index, matches: Sequence[Match], most: int) -> list[Match]:
    """At most `most` matches by maximal marginal relevance, best score first.

    Each choice weighs a match's place between the best and the worst of the pool against its likeness to
    what was chosen before (J. Carbonell and J. Goldstein, SIGIR 1998).
    """
    pool = drop_twins(index, matches)[:POOL]
    if len(pool) <= most:
        return pool
    meanings = index.meanings[[index.numbers[match.paper_id] for match in pool]]
    logits = np.array([sum(match.parts or ()) for match in pool], np.float32)
    relevance = _spread(np.minimum(logits, np.float32(SURE)))
    nearest = np.zeros(len(pool), np.float32)
    chosen: list[int] = []
    while len(chosen) < most:
        value = RELEVANCE_SHARE * relevance - (1 - RELEVANCE_SHARE) * nearest
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(np.round(value, 4))))  # so that every machine chooses the same
        nearest = np.maximum(nearest, meanings @ meanings[chosen[-1]])
    return [pool[number] for number in sorted(chosen)]


def _spread(values: Floats) -> Floats:
    """Values between 0 and 1; equal values are all 1."""
    width = float(values.max() - values.min())
    return np.asarray((values - values.min()) / width if width else np.ones_like(values), np.float32)
