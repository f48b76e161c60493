"""What would go out now, by the code that sends it; nothing is stored and nothing is marked."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.compose.freeze import papers_of
from digest.compose.headers import message_id
from digest.compose.steady import AnyComposer
from digest.models import Issue, Match, Message, Paper, Subscriber, Topic
from digest.pipeline import late
from digest.pipeline.compose import freeze_for
from digest.pipeline.render import named
from digest.pipeline.window import (
    Reading,
    explain_shown,
    find_losses,
    first_pass,
    open_window,
    rank_topics,
    reasons_of,
    unheard_in,
)
from digest.storage import issues, papers, passes
from digest.storage.batches import batches
from digest.storage.database import Database

#: Whom a preview by topic is addressed to.
NOBODY = "you@example.org"

#: Papers below the cut that are kept to explain an empty issue.
NEAREST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """An issue that was not stored, with its message and the ranking behind it."""

    subscriber: Subscriber
    issue: Issue
    message: Message
    papers: dict[str, Paper]
    ranked: Sequence[tuple[Topic, Sequence[Match]]]
    losses: Mapping[Topic, Sequence[str]]  # what the rules of each topic kept out, in words
    near: Sequence[Match]  # the best that do not pass the cut
    unheard: Mapping[Topic, Sequence[str]]  # words that no paper holds, of topics that have any

    def to_json(self) -> dict[str, Any]:
        """The promised shape."""
        issue = self.issue
        return {
            "email": self.subscriber.email or None,
            "due_at": _iso(issue.due_at),
            "window": {"from_pass": issue.from_pass, "to_pass": issue.to_pass},
            "cut": self.subscriber.cut,
            "subject": None if issue.is_empty else self.message.subject,
            "considered": issue.considered,
            "matched": issue.matched,
            "papers": [self._shown(match) for match in issue.shown],
            "left_out": [self._left_out(match) for match in issue.left_out],
            "trending": [self._trending(paper_id) for paper_id in issue.trending],
            "note": issue.note,
        }

    def _shown(self, match: Match) -> dict[str, Any]:
        paper = self.papers[match.paper_id]
        return {
            "id": paper.id,
            "title": paper.title,
            "authors": list(paper.authors),
            "url": paper.url,
            "score": match.score,
            "topic": match.topic,
            "because": list(match.because),
        }

    def _left_out(self, match: Match) -> dict[str, Any]:
        return {"id": match.paper_id, "title": self.papers[match.paper_id].title, "score": match.score}

    def _trending(self, paper_id: str) -> dict[str, Any]:
        paper = self.papers[paper_id]
        return {"id": paper_id, "title": paper.title, "url": paper.url, "votes": paper.votes}


async def preview(
    db: Database, subscriber: Subscriber, composer: AnyComposer, now: datetime, *, days: int | None = None
) -> Preview:
    """The issue of this subscriber (id 0: of nobody) as it would be frozen now.

    `days` looks back so far instead of the subscriber's own window, at what was mailed, too.
    """
    async with db.read() as conn:
        reading, seen = await _open(conn, subscriber, now, days)
        awaited = late.awaited(await batches(conn, late.CALENDARS), now)
        ranked, examples = await rank_topics(conn, reading, subscriber)
        bare = freeze_for(subscriber, reading, ranked, seen, awaited, now)
        [(_, issue)] = await explain_shown(reading, [(subscriber, bare)], examples)
        near = reasons_of(reading, subscriber, nearest(ranked, subscriber), examples)
        losses = await find_losses(conn, reading, subscriber)
        known = await papers.by_ids(conn, {*named(issue), *(match.paper_id for match in near)})
    message = await asyncio.to_thread(message_of, composer, issue, subscriber, known, now)
    return Preview(
        subscriber=subscriber,
        issue=issue,
        message=message,
        papers=known,
        ranked=[(topic, ranked[topic]) for topic in subscriber.topics],
        losses=losses,
        near=near,
        unheard=unheard_in(reading, subscriber.topics),
    )


async def _open(
    conn: AsyncConnection, subscriber: Subscriber, now: datetime, days: int | None
) -> tuple[Reading, set[str]]:
    """The window, and what was mailed of it; with `days` that counts as new."""
    newest = await passes.newest_pass(conn)
    if days is not None:
        start = await passes.pass_before(conn, now - timedelta(days=days))
        return await open_window(conn, start, newest, now), set()
    reading = await open_window(conn, await first_pass(conn, subscriber, now), newest, now)
    return reading, await issues.reserved_ids(conn, subscriber.id) if subscriber.id else set()


def nearest(ranked: Mapping[Topic, Sequence[Match]], subscriber: Subscriber) -> list[Match]:
    """The best matches below the reader's cut, NEAREST at most. Pure."""
    below = [match for found in ranked.values() for match in found if match.score < subscriber.cut]
    return sorted(below, key=lambda match: (-match.score, match.paper_id))[:NEAREST]


def message_of(
    composer: AnyComposer, issue: Issue, subscriber: Subscriber, known: dict[str, Paper], now: datetime
) -> Message:
    """Links carry tokens of the right form that lead nowhere: a preview is shown to anybody."""
    reader = replace(subscriber, id=0, token="preview", email=subscriber.email or NOBODY)
    return composer.message(
        replace(issue, id=0),
        reader,
        papers_of(issue, known),
        message_id=message_id("preview", "", "localhost"),
        created_at=now,
    )


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
