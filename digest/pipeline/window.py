"""The papers of a window and how they rank: loaded and indexed once, shared by all who read it."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.compose.freeze import Window
from digest.match.index import Index, build_index
from digest.match.losses import losses, unheard
from digest.match.rank import explain, rank
from digest.models import Issue, Match, Paper, Subscriber, Topic
from digest.pipeline import vectors
from digest.pipeline.model import current_space
from digest.storage import papers, passes, trending

#: The first issue of a subscriber looks back so far.
FIRST_WINDOW = timedelta(days=7)

#: Trending papers are looked for among so many of the hottest.
HOTTEST = 200

#: Windows that are kept open: one of 3,000 papers takes some 100 MB once it has ranked.
KEPT = 4

#: Votes change without a pass, so an open window is read again now and then; its index stays.
LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A window with its index and the hottest papers."""

    window: Window
    index: Index
    hot: tuple[Paper, ...]
    revised: tuple[Paper, ...]


class Readings:
    """The windows that batches share; each is opened once, the longest unused is dropped."""

    def __init__(self, kept: int = KEPT) -> None:
        """`kept` windows at most."""
        self._kept = kept
        self._open: OrderedDict[tuple[int, int], tuple[Reading, datetime]] = OrderedDict()
        self._opening = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._open)

    async def get(self, conn: AsyncConnection, from_pass: int, to_pass: int, now: datetime) -> Reading:
        """The window of these bounds; bounds between which nothing came share one.

        Readers have many bounds (a pass every few minutes) but few windows (papers once or twice a day).
        """
        bounds = await papers.last_change(conn, from_pass), await papers.last_change(conn, to_pass)
        async with self._opening:
            found = self._open.get(bounds)
            if found is None or now - found[1] > LASTS:
                before = found[0] if found else None
                found = self._open[bounds] = await open_window(conn, *bounds, now, before), now
            self._open.move_to_end(bounds)
            while len(self._open) > self._kept:
                self._open.popitem(last=False)
        reading = found[0]
        return replace(reading, window=replace(reading.window, from_pass=from_pass, to_pass=to_pass))


async def first_pass(conn: AsyncConnection, subscriber: Subscriber, now: datetime) -> int:
    """After which pass the window of this subscriber begins."""
    if subscriber.last_pass is not None:
        return subscriber.last_pass
    return await passes.pass_before(conn, now - FIRST_WINDOW)


async def open_window(
    conn: AsyncConnection, from_pass: int, to_pass: int, now: datetime, before: Reading | None = None
) -> Reading:
    """Load and index the window; the index is built off the event loop, or is that of `before`."""
    found = tuple(await papers.window(conn, from_pass, to_pass))
    return Reading(
        window=Window(from_pass=from_pass, to_pass=to_pass, papers=found),
        index=await _index(conn, found, before),
        hot=await hottest(conn, now),
        revised=tuple(await papers.revised(conn, from_pass, to_pass)),
    )


async def _index(conn: AsyncConnection, found: Sequence[Paper], before: Reading | None) -> Index:
    """The index of these papers; that of an earlier reading as long as only votes have changed."""
    if before and list(map(_ranked_by, found)) == list(map(_ranked_by, before.index.papers)):
        return before.index
    await vectors.recall_window(conn, found)
    return await asyncio.to_thread(build_index, found, current_space())


def _ranked_by(paper: Paper) -> tuple[object, ...]:
    return paper.id, paper.title, paper.abstract, paper.authors, paper.categories


async def hottest(conn: AsyncConnection, now: datetime) -> tuple[Paper, ...]:
    """The hottest papers that anybody voted for, here or on Hugging Face; without any vote the newest."""
    found = await papers.trending(conn, now, HOTTEST)
    here = await trending.votes_here(conn, [paper.id for paper in found])
    voted = tuple(paper for paper in found if (paper.votes or 0) + here.get(paper.id, 0) > 0)
    return voted or tuple(found)


async def rank_topics(
    conn: AsyncConnection, reading: Reading, reader: Subscriber
) -> tuple[dict[Topic, Sequence[Match]], Mapping[str, Paper]]:
    """Every topic of a reader with all its matches, off the event loop, and the examples of the topics.

    Reasons are for `explain_shown` to give: a long topic takes milliseconds a paper for them.
    """
    examples = await _examples(conn, reader.topics)
    found = await asyncio.to_thread(rank, reading.index, reader.topics, examples=examples, reasons=False)
    return dict(zip(reader.topics, found, strict=True)), examples


async def find_losses(
    conn: AsyncConnection, reading: Reading, reader: Subscriber
) -> dict[Topic, Sequence[str]]:
    """What the rules of each topic keep out of the reader's issue, in words."""
    examples = await _examples(conn, reader.topics)

    def find() -> dict[Topic, Sequence[str]]:
        return {
            topic: losses(reading.index, topic, examples=examples, cut=reader.cut) for topic in reader.topics
        }

    return await asyncio.to_thread(find)


async def rank_enough(
    conn: AsyncConnection, reading: Reading, readers: Sequence[Subscriber]
) -> tuple[dict[Topic, Sequence[Match]], Mapping[str, Paper]]:
    """As `rank_topics`, but only what an issue can show: matches above the lowest cut, or the best.

    A tenth of the time, and a hundredth of the memory: of 3,000 papers all but some score next to nothing.
    Reasons are for `explain_shown` to give, with the liked and disliked papers that come beside the matches.
    """
    cuts: dict[Topic, float] = {}
    for reader in readers:
        for topic in reader.topics:
            cuts[topic] = min(reader.cut, cuts.get(topic, reader.cut))
    examples = await _examples(conn, cuts)
    return await asyncio.to_thread(_rank_enough, reading, cuts, examples), examples


async def explain_shown(
    reading: Reading, frozen: Sequence[tuple[Subscriber, Issue]], examples: Mapping[str, Paper]
) -> list[tuple[Subscriber, Issue]]:
    """The issues with the reasons of what they show: a quarter of what is above the cut."""
    return await asyncio.to_thread(
        lambda: [(reader, with_reasons(reading, reader, issue, examples)) for reader, issue in frozen]
    )


def with_reasons(reading: Reading, reader: Subscriber, issue: Issue, examples: Mapping[str, Paper]) -> Issue:
    """The issue with the reasons of what it shows."""
    return replace(issue, shown=tuple(reasons_of(reading, reader, issue.shown, examples)))


def reasons_of(
    reading: Reading, reader: Subscriber, matches: Sequence[Match], examples: Mapping[str, Paper]
) -> list[Match]:
    """Matches of a reader's topics with their reasons."""
    named = {topic.name: topic for topic in reversed(reader.topics)}
    picks = [(named[match.topic], match) for match in matches]
    return explain(reading.index, picks, examples=examples)


def unheard_in(reading: Reading, topics: Sequence[Topic]) -> dict[Topic, Sequence[str]]:
    """Of topics that have any, the words that no paper holds; nothing where there are no papers."""
    asked = topics if reading.index.papers else ()
    return {topic: words for topic in asked if (words := unheard(reading.index, topic))}


def _rank_enough(
    reading: Reading, cuts: Mapping[Topic, float], examples: Mapping[str, Paper]
) -> dict[Topic, Sequence[Match]]:
    """One call a cut; the best below it is for the note of a quiet issue, which names the best score."""
    found: dict[Topic, Sequence[Match]] = {}
    for cut in sorted(set(cuts.values())):
        topics = [topic for topic, own in cuts.items() if own == cut]
        ranked = rank(reading.index, topics, examples=examples, cut=cut, or_best=True, reasons=False)
        found.update(zip(topics, ranked, strict=True))
    return found


async def _examples(conn: AsyncConnection, topics: Collection[Topic]) -> Mapping[str, Paper]:
    """The papers that topics name; what the model says of them and of the topics is brought to mind."""
    found = await papers.by_ids(conn, {paper for t in topics for paper in (*t.liked, *t.disliked)})
    await vectors.recall(conn, found.values(), topics)
    return found
