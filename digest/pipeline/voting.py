"""A reader's vote: it counts in public, and teaches the topic under which the paper came."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from digest import identifiers
from digest.models import Issue, Paper, Subscriber, Topic
from digest.storage import issues, papers, subscribers
from digest.storage.database import Database
from digest.storage.tables import votes


async def vote(
    db: Database, reader: Subscriber, issue: Issue, paper: Paper, value: int, now: datetime
) -> str:
    """Count a vote (1 or -1, 0 takes it back); the topic that learnt from it, or "" for none.

    The last vote counts. The next ranking knows it, for the paper is now among the topic's liked or
    disliked ones, where the reader can see it and take it out again.
    """
    async with db.write() as conn:
        fresh = (await subscribers.by_ids(conn, [reader.id]))[reader.id]
        await count(conn, reader.id, paper.id, value, now)
        topic = topic_of(fresh, issue, paper.id)
        taught = tuple(
            teach(one, paper.id, value if topic and one.name == topic.name else 0) for one in fresh.topics
        )
        if taught != fresh.topics:
            await subscribers.change(conn, replace(fresh, topics=taught))
    return topic.name if topic else ""


def topic_of(reader: Subscriber, issue: Issue, paper_id: str) -> Topic | None:
    """The topic under which the issue showed a paper, if it is still followed; else the only topic."""
    matches = (*issue.shown, *issue.left_out)
    name = next((match.topic for match in matches if match.paper_id == paper_id), None)
    found = next((topic for topic in reader.topics if topic.name == name), None)
    return found or (reader.topics[0] if len(reader.topics) == 1 and name else None)


def teach(topic: Topic, paper_id: str, value: int) -> Topic:
    """The topic with this paper liked (1), disliked (-1) or neither (0)."""
    name = paper_id.removeprefix("arxiv:").removeprefix("doi:")
    meant = identifiers.key(paper_id)
    liked, disliked = (
        tuple(one for one in listed if one != paper_id and identifiers.key(one) != meant)
        for listed in (topic.liked, topic.disliked)
    )
    if value > 0:
        liked = (*liked, name)
    elif value < 0:
        disliked = (*disliked, name)
    return replace(topic, liked=liked, disliked=disliked)


async def count(conn: AsyncConnection, reader_id: int, paper_id: str, value: int, now: datetime) -> None:
    """Store the public vote; 0 takes it back."""
    number = (await papers.numbers(conn, [paper_id]))[paper_id]
    mine = votes.c.subscriber_id == reader_id, votes.c.paper == number
    await conn.execute(delete(votes).where(*mine))
    if value:
        row = {"subscriber_id": reader_id, "paper": number, "value": value, "voted_at": now}
        await conn.execute(insert(votes).values(row))


async def opened(db: Database, reader_id: int, issue_id: int) -> tuple[Subscriber, Issue] | None:
    """The reader and the issue of a signed link; None if either is gone."""
    async with db.read() as conn:
        readers = await subscribers.by_ids(conn, [reader_id])
        found = await issues.by_ids(conn, [issue_id])
    if reader_id not in readers or issue_id not in found or found[issue_id].subscriber_id != reader_id:
        return None
    return readers[reader_id], found[issue_id]
