"""Which entries are the same paper, and what is known of it. Pure; the order of the entries changes nothing.

The same paper: the versionless arXiv id, else the DOI, else the publisher's own id with an equal title or
address, else the normalised title with an equal first surname, five words or more. Two different arXiv ids,
or two different DOIs without a common arXiv id, are never one paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import identifiers
from digest.ingest.grouping import Group, Groups, keys
from digest.models import Announcement, Entry, Paper

#: Older papers never become eligible, so that a new source does not flood.
RECENT = timedelta(days=30)

#: A date further ahead than any time zone explains is a mistake (or a journal's issue of next spring).
AHEAD = timedelta(days=2)

#: Strongest first: what a paper's first pass is remembered for.
_STRENGTH = {
    kind: rank
    for rank, kind in enumerate(
        (
            Announcement.NEW,
            Announcement.PUBLISHED,
            Announcement.CROSS,
            Announcement.LISTED,
            Announcement.ABSENT,
            Announcement.REPLACE,
            Announcement.REPLACE_CROSS,
        )
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When, where and how entries were seen."""

    source: str
    family: str
    open: bool
    number: int  # of the pass
    at: datetime
    announces: bool = True  # False: papers fetched for their ids alone are never eligible
    recorded: bool = False  # example data: dated by first sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """One paper as it is after this occasion."""

    paper: Paper
    before: Paper | None  # as it was stored
    numbers: tuple[int, ...]  # of the stored papers that it continues, the one to keep first; empty: new
    keys: tuple[str, ...]  # that find it from now on, beside those that do already
    number: int  # of the pass

    @property
    def changed(self) -> bool:
        """True if there is something to write."""
        return self.paper != self.before or len(self.numbers) > 1

    @property
    def revised(self) -> bool:
        """True if a paper that an earlier pass brought has a higher version now."""
        before = self.before
        if before is None or before.first_seen_pass == self.number:
            return False
        return 0 < before.version < self.paper.version


def identify(
    entries: Sequence[Entry], known: Mapping[str, tuple[int, Paper]], occasion: Occasion
) -> list[Resolved]:
    """Entries of one source as papers, merged with the stored ones that their keys find, ordered by id."""
    groups = Groups()
    for key, (number, paper) in known.items():
        groups.add_stored(key, number, paper)
    for entry in entries:
        groups.add_entry(entry, keys(entry, occasion.source))
    resolved = [_resolve(group, set(known), occasion) for group in groups.joined() if group.entries]
    return sorted(resolved, key=lambda one: one.paper.id)


def _resolve(group: Group, known: set[str], occasion: Occasion) -> Resolved:
    numbers = tuple(sorted(group.stored))
    before = group.stored[numbers[0]] if numbers else None
    alone = len(group.entries) == 1 and not numbers
    paper = _first_sight(group, occasion) if alone else _folded_paper(group, occasion)
    return Resolved(
        paper=paper,
        before=before,
        numbers=numbers,
        keys=tuple(sorted((group.keys | {paper.id}) - known - {one.id for one in group.stored.values()})),
        number=occasion.number,
    )


def _first_sight(group: Group, occasion: Occasion) -> Paper:
    """What `_folded_paper` comes to for one unknown entry: most of a day, at a third of the cost."""
    (entry,) = group.entries
    eligible = _eligible(entry, occasion)
    return Paper(
        id=_identifier(group),
        title=entry.title,
        abstract=entry.abstract,
        authors=entry.authors,
        url=_best_url(group),
        doi=entry.doi,
        version=entry.version or 0,
        categories=entry.categories,
        venue=entry.venue,
        comment=entry.comment,
        licence=entry.licence,
        published_at=_dated(entry, occasion),
        first_seen_at=occasion.at,
        first_seen_pass=occasion.number,
        eligible_at=occasion.at if eligible else None,
        eligible_pass=occasion.number if eligible else None,
        votes=entry.votes,
        submitter=entry.submitter,
        withdrawn=entry.withdrawn,
        families=(occasion.family,),
        open=occasion.open,
        announced=entry.announced,
    )


def _folded_paper(group: Group, occasion: Occasion) -> Paper:
    entries, stored = group.entries, list(group.stored.values())
    newest = max((paper.version for paper in stored), default=0)
    texts = [_text_of_paper(paper) for paper in stored]
    texts += [_text_of_entry(entry, newest) for entry in entries]
    version, _, _, _, title, abstract, authors, comment = max(texts)
    first_seen = min((paper.first_seen_pass or 0 for paper in stored), default=occasion.number)
    eligible = min((paper for paper in stored if paper.eligible_pass), key=_eligibility, default=None)
    may = eligible is None and any(_eligible(entry, occasion) for entry in entries)
    return Paper(
        id=_identifier(group),
        title=title,
        abstract=abstract,
        authors=authors or max((text[6] for text in texts), key=lambda names: (len(names), names)),
        url=_best_url(group),
        doi=min(group.dois, default=None),
        version=version,
        categories=_categories(group),
        venue=max((*(p.venue for p in stored), *(e.venue for e in entries)), key=_fuller),
        comment=comment,
        licence=max((*(p.licence for p in stored), *(e.licence for e in entries)), key=_fuller),
        published_at=_published(group, occasion),
        first_seen_at=min((p.first_seen_at for p in stored if p.first_seen_at), default=occasion.at),
        first_seen_pass=first_seen,
        eligible_at=eligible.eligible_at if eligible else occasion.at if may else None,
        eligible_pass=eligible.eligible_pass if eligible else occasion.number if may else None,
        votes=_votes(group),
        submitter=max((*(p.submitter for p in stored), *(e.submitter for e in entries)), key=_fuller),
        withdrawn=any(p.withdrawn for p in stored) or any(e.withdrawn for e in entries),
        families=tuple(sorted({occasion.family, *(name for p in stored for name in p.families)})),
        open=occasion.open or any(p.open for p in stored),
        announced=_announced(group, first_seen == occasion.number),
    )


# What a text is judged by: the version, what is there, then any order that does not depend on time.
_Text = tuple[int, bool, bool, int, str, str, tuple[str, ...], str]


def _text_of_paper(paper: Paper) -> _Text:
    words = paper.title, paper.abstract, paper.authors, paper.comment
    return paper.version, False, bool(paper.title), len(paper.abstract), *words


def _text_of_entry(entry: Entry, newest: int) -> _Text:
    version = max(newest, entry.version or 0) if entry.current else entry.version or 0
    words = entry.title, entry.abstract, entry.authors, entry.comment
    return version, entry.current, bool(entry.title), len(entry.abstract), *words


def _identifier(group: Group) -> str:
    if group.arxiv:
        return f"arxiv:{group.arxiv}"
    if group.dois:
        return f"doi:{min(group.dois)}"
    if group.stored:
        return group.stored[min(group.stored)].id
    titles = sorted(key for key in group.keys if key.startswith("title:"))
    return titles[0] if titles else "title:" + min(group.keys).partition(":")[2]


def _best_url(group: Group) -> str:
    """arXiv's own page, else a publisher's, else another; the smallest, so that order does not matter."""
    if group.arxiv:
        return f"https://arxiv.org/abs/{group.arxiv}"
    found = {paper.url for paper in group.stored.values()} | {entry.url for entry in group.entries}
    return min((url for url in found if url), key=lambda url: (len(url), url), default="")


def _categories(group: Group) -> tuple[str, ...]:
    """The primary one first; the others sorted."""
    listed = [p.categories for p in group.stored.values() if p.categories]
    listed += [entry.categories for entry in group.entries if entry.categories]
    if not listed:
        return ()
    if len(set(listed)) == 1:
        return listed[0]
    primary = min(names[0] for names in listed)
    return (primary, *sorted({name for names in listed for name in names} - {primary}))


def _published(group: Group, occasion: Occasion) -> datetime | None:
    dates = [paper.published_at for paper in group.stored.values()]
    dates += [_dated(entry, occasion) for entry in group.entries]
    return min((at for at in dates if at), default=None)


def _dated(entry: Entry, occasion: Occasion) -> datetime | None:
    if occasion.recorded:
        return occasion.at
    at = entry.published_at
    return at if at and at <= occasion.at + AHEAD else None


def _eligible(entry: Entry, occasion: Occasion) -> bool:
    """May this entry make its paper eligible for digests?"""
    if entry.announced.is_replacement or not occasion.announces or entry.withdrawn:
        return False
    if occasion.recorded:
        return True
    oldest = occasion.at - RECENT
    at = _dated(entry, occasion)
    if at is not None and at < oldest:
        return False
    return entry.arxiv_id is None or identifiers.month(entry.arxiv_id)[1] > oldest


def _eligibility(paper: Paper) -> tuple[int, str]:
    return paper.eligible_pass or 0, paper.id


def _announced(group: Group, still_first: bool) -> Announcement:
    kinds = [paper.announced for paper in group.stored.values()]
    if still_first or not kinds:
        kinds += [entry.announced for entry in group.entries]
    return min(kinds, key=_STRENGTH.__getitem__)


def _votes(group: Group) -> int | None:
    """The newest count wins; within one occasion the largest."""
    now = [entry.votes for entry in group.entries if entry.votes is not None]
    before = [paper.votes for paper in group.stored.values() if paper.votes is not None]
    return max(now or before, default=None)


def _fuller(text: str) -> tuple[int, str]:
    return len(text), text
