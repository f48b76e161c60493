"""Which of the ranked papers one issue shows. Pure.

Two promises: no topic starves beside a louder one, and a paper stands once, under its best topic.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.models import Match, Topic

#: Reasons of a match, that of its weight included.
MOST = 6

#: A topic and its matches, best first.
Ranked = Sequence[tuple[Topic, Sequence[Match]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an issue shows and what it leaves out, both best first."""

    shown: tuple[Match, ...]
    left_out: tuple[Match, ...]
    matched: int  # distinct papers, before `max_papers`


def select(ranked: Ranked, *, max_papers: int) -> Selection:
    """Choose up to `max_papers` of the matches, each paper once.

    Half of the places are shared among the topics by weight, at least one for each topic that has a
    match; the other half goes to the best of all. The order is score times the topic's weight.
    """
    matches = by_priority(ranked)
    places = max(max_papers, 0)
    chosen = _quota(ranked, matches, places)
    for match in matches:
        if len(chosen) >= places:
            break
        chosen.add(match.paper_id)
    return Selection(
        shown=tuple(match for match in matches if match.paper_id in chosen),
        left_out=tuple(match for match in matches if match.paper_id not in chosen),
        matched=len(matches),
    )


def by_priority(ranked: Ranked) -> list[Match]:
    """Each paper once, under the topic that wants it most, best first; ties by topic, then by id."""
    best: dict[str, tuple[float, float, int, Match]] = {}
    for position, (topic, matches) in enumerate(ranked):
        for match in matches:
            entry = (match.score * topic.weight, match.score, -position, _weighed(match, topic))
            if match.paper_id not in best or entry[:3] > best[match.paper_id][:3]:
                best[match.paper_id] = entry
    ordered = sorted(best.values(), key=lambda e: (-e[0], -e[1], -e[2], e[3].paper_id))
    return [entry[3] for entry in ordered]


def _weighed(match: Match, topic: Topic) -> Match:
    """The match with the weight of its topic among the reasons, if there is one."""
    if topic.weight == 1:
        return match
    moved = "raised" if topic.weight > 1 else "lowered"
    return match._replace(because=(*match.because[: MOST - 1], f"{moved} by weight {topic.weight:g}"))


def _quota(ranked: Ranked, matches: Sequence[Match], places: int) -> set[str]:
    """Ids of the papers that hold the topics' guaranteed places, at most `places`.

    A topic's own papers (those that stand under it) come first; a topic without any is served by
    the best one that it shares. With more topics than places the topics with the best papers win.
    """
    own: dict[str, list[str]] = {}
    for match in matches:
        own.setdefault(match.topic, []).append(match.paper_id)
    weights = sum(topic.weight for topic, found in ranked if found) or 1.0
    wanted: list[list[str]] = []
    for topic, found in ranked:
        share = max(1, int(places * topic.weight / weights / 2))
        wanted.append((own.get(topic.name) or [match.paper_id for match in found[:1]])[:share])
    rank = {match.paper_id: position for position, match in enumerate(matches)}
    firsts = sorted((ids[0] for ids in wanted if ids), key=rank.__getitem__)
    rest = sorted((paper for ids in wanted for paper in ids[1:]), key=rank.__getitem__)
    return _first_distinct([*firsts, *rest], places)


def _first_distinct(ids: Iterable[str], count: int) -> set[str]:
    return set(list(dict.fromkeys(ids))[:count])
