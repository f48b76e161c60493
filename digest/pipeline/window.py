"""The papers of a window and how they rank: loaded and indexed once, shared by all who read it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.compose.freeze import Window
from digest.match.index import Index, build_index
from digest.match.rank import rank
from digest.models import Match, Paper, Subscriber, Topic
from digest.storage import papers, passes

#: The first issue of a subscriber looks back so far.
FIRST_WINDOW = timedelta(days=7)

#: Trending papers are looked for among so many of the hottest.
HOTTEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A window with its index and the hottest papers."""

    window: Window
    index: Index
    hot: tuple[Paper, ...]
    revised: tuple[Paper, ...]


async def first_pass(conn: AsyncConnection, subscriber: Subscriber, now: datetime) -> int:
    """After which pass the window of this subscriber begins."""
    if subscriber.last_pass is not None:
        return subscriber.last_pass
    return await passes.pass_before(conn, now - FIRST_WINDOW)


async def open_window(conn: AsyncConnection, from_pass: int, to_pass: int, now: datetime) -> Reading:
    """Load and index the window; the index is built off the event loop."""
    found = tuple(await papers.window(conn, from_pass, to_pass))
    hot = [paper for paper in await papers.trending(conn, now, HOTTEST) if paper.votes]
    return Reading(
        window=Window(from_pass=from_pass, to_pass=to_pass, papers=found),
        index=await asyncio.to_thread(build_index, found),
        hot=tuple(hot),
        revised=tuple(await papers.revised(conn, from_pass, to_pass)),
    )


async def rank_topics(
    conn: AsyncConnection, reading: Reading, readers: Iterable[Subscriber]
) -> dict[Topic, Sequence[Match]]:
    """Every distinct topic of the readers, ranked once, off the event loop."""
    topics = list(dict.fromkeys(topic for reader in readers for topic in reader.topics))
    examples = await papers.by_ids(conn, {paper for t in topics for paper in (*t.liked, *t.disliked)})
    found = await asyncio.to_thread(rank, reading.index, topics, examples=examples)
    return dict(zip(topics, found, strict=True))
