"""Freeze an issue: from what the ranking found to what one reader will be sent. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from digest.compose.select import Ranked, Selection, by_priority, select
from digest.models import Issue, Match, Paper, Subscriber, Topic

#: Of a topic's matches at most so many, best first, that do not all say one thing.
Vary = Callable[[Sequence[Match], int], Sequence[Match]]

#: Of matches, best first, those that are no near-duplicates of better ones.
Distinct = Callable[[Sequence[Match]], Sequence[Match]]

#: Titles of "just below": more would be a second digest.
LEFT_OUT = 5

#: Rules that keep papers out, as a note calls them.
_RULES: Mapping[str, Callable[[Topic], object]] = {
    "keywords": attrgetter("keywords"),
    "exclusions": attrgetter("exclude"),
    "categories": attrgetter("categories"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The papers that became eligible in passes after `from_pass`, up to and with `to_pass`."""

    from_pass: int
    to_pass: int
    papers: tuple[Paper, ...]


def freeze(
    subscriber: Subscriber,
    window: Window,
    ranked: Ranked,
    *,
    due_at: datetime,
    seen: Collection[str] = (),
    hot: Sequence[Paper] = (),
    revised: Sequence[Paper] = (),
    vary: Vary | None = None,
    distinct: Distinct = tuple,
) -> Issue:
    """The issue of one subscriber.

    `ranked` are the topics with all their matches, best first; `seen` the ids of papers that are
    reserved for this reader already; `hot` papers with votes, hottest first; `revised` papers whose
    new version came in this window.
    """
    allowed = {paper.id for paper in window.papers if _wants(subscriber, paper) and paper.id not in seen}
    open_to = [(topic, [match for match in found if match.paper_id in allowed]) for topic, found in ranked]
    passing = [(topic, [m for m in found if m.score >= subscriber.cut]) for topic, found in open_to]
    chosen = _choose(passing, subscriber.max_papers, vary, distinct)
    issue = Issue(
        subscriber_id=subscriber.id,
        due_at=due_at,
        from_pass=window.from_pass,
        to_pass=window.to_pass,
        considered=len(allowed),
        matched=chosen.matched,
        shown=chosen.shown,
        left_out=chosen.left_out[:LEFT_OUT],
        trending=_trending(subscriber, hot, allowed - {match.paper_id for match in chosen.shown}),
        revised=tuple(paper.id for paper in revised if paper.id in seen) if subscriber.revisions else (),
    )
    return replace(issue, note=_note(issue, subscriber, ranked, open_to)) if not issue.shown else issue


def _choose(passing: Ranked, most: int, vary: Vary | None, distinct: Distinct) -> Selection:
    """As `select`, but shown is what is left of each topic when it is varied; the rest is left out.

    Near-duplicates are neither shown nor named as left out, under whatever topics they stand.
    """
    matches = by_priority(passing)
    kept = {match.paper_id for match in distinct(matches)}
    passing = [(topic, [match for match in found if match.paper_id in kept]) for topic, found in passing]
    every = replace(select(passing, max_papers=most), matched=len(matches))
    if vary is None:
        return every
    shown = select([(topic, vary(found, most)) for topic, found in passing], max_papers=most).shown
    ids = {match.paper_id for match in shown}
    rest = tuple(match for match in (*every.shown, *every.left_out) if match.paper_id not in ids)
    return replace(every, shown=shown, left_out=rest)


def ids_of(issue: Issue) -> set[str]:
    """The papers that the issue shows as new, and so reserves."""
    return {match.paper_id for match in issue.shown} | set(issue.trending)


def _wants(subscriber: Subscriber, paper: Paper) -> bool:
    return not subscriber.sources or bool(set(subscriber.sources) & set(paper.families))


def _trending(subscriber: Subscriber, hot: Sequence[Paper], free: Collection[str]) -> tuple[str, ...]:
    return tuple(paper.id for paper in hot if paper.id in free)[: subscriber.trending]


def _note(issue: Issue, subscriber: Subscriber, ranked: Ranked, open_to: Ranked) -> str:
    """Why no topic has a paper today, in one sentence with its numbers.

    Of a topic whose matches were all mailed before, or are of other sources, nobody ranked the rest in full.
    """
    if not issue.considered:
        return (
            "No new papers yet." if subscriber.last_pass is None else "No new papers since your last issue."
        )
    if not subscriber.topics:
        return f"{_papers(issue.considered)}, and you follow no topic yet."
    scores = [match.percent for _, found in open_to for match in found]
    ruled = _ruled([topic for topic, found in ranked if not found])
    if any(found and not mine for (_, found), (_, mine) in zip(ranked, open_to, strict=True)):
        return f"{_papers(issue.considered)}, none that reaches your cut of {subscriber.cut:g}.{ruled}"
    if ruled and not scores:
        return f"{_papers(issue.considered)}.{ruled}"
    if not scores:
        return (
            f"{_papers(issue.considered)}, best score 0: none says a word of your topics; "
            "use English words of a title that you would click."
        )
    best = f"best score {max(scores)}, your cut is {subscriber.cut:g}"
    return f"{_papers(issue.considered)}, {best}.{ruled}"


def _ruled(silent: Sequence[Topic]) -> str:
    """That rules may be why some topics have nothing at all; empty where none has any."""
    names = [topic.name for topic in silent if topic.keywords or topic.exclude or topic.categories]
    kinds = [kind for kind, rules in _RULES.items() if any(map(rules, silent))]
    said = " and ".join(", ".join(kinds).rsplit(", ", 1))
    return f" None that meets the {said} of {', '.join(names)} says a word of it." if names else ""


def _papers(count: int) -> str:
    return f"{count} new paper{'s' if count != 1 else ''}"


def papers_of(issue: Issue, known: Mapping[str, Paper]) -> Mapping[str, Paper]:
    """Those of the known papers that the issue names."""
    ids = {match.paper_id for match in (*issue.shown, *issue.left_out)} | {*issue.trending, *issue.revised}
    return {paper_id: known[paper_id] for paper_id in ids if paper_id in known}


def without_withdrawn(issue: Issue, papers: Mapping[str, Paper]) -> Issue:
    """The issue without papers that were withdrawn since it was frozen: those are never mailed."""
    gone = {paper_id for paper_id, paper in papers.items() if paper.withdrawn}
    if not gone:
        return issue
    return replace(
        issue,
        shown=tuple(match for match in issue.shown if match.paper_id not in gone),
        left_out=tuple(match for match in issue.left_out if match.paper_id not in gone),
        trending=tuple(paper_id for paper_id in issue.trending if paper_id not in gone),
        revised=tuple(paper_id for paper_id in issue.revised if paper_id not in gone),
    )
