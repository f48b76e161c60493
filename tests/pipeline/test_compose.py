"""Composing: an issue for everybody who is due, each paper once, and silence when nothing is good."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from digest.models import Paper, SubscriberStatus
from digest.pipeline.compose import compose, compose_extra
from digest.schedule import next_due
from digest.storage import overview, subscribers
from digest.storage.database import Database
from digest.storage.tables import topics
from tests.make import NOW, make_paper, make_topic
from tests.pipeline.steps import announce, at, issue_of, reload, send_all, shown, subscribe

LATER = NOW + timedelta(days=1)


def paper_about(number: int, words: str) -> Paper:
    return make_paper(number, title=words, abstract=f"We study {words}.")


async def deliveries(db: Database) -> int:
    async with db.read() as conn:
        return sum((await overview.by_state(conn)).values())


async def test_new_subscriber_gets_an_issue_at_once(db: Database) -> None:
    reader = await subscribe(db)
    await announce(db, paper_about(1, "language models"), paper_about(2, "black holes"))
    report = await compose(db, clock=at(NOW))
    assert (report.composed, report.quiet) == (1, 0)
    assert shown(await issue_of(db, reader)) == ["arxiv:2604.00001"]


async def test_composing_twice_makes_one_issue(db: Database) -> None:
    await subscribe(db)
    await announce(db, paper_about(1, "language models"))
    await compose(db, clock=at(NOW))
    assert (await compose(db, clock=at(NOW))).composed == 0
    assert await deliveries(db) == 1


async def test_next_issue_is_due_at_the_next_time_of_the_schedule(db: Database) -> None:
    reader = await subscribe(db)
    await announce(db, paper_about(1, "language models"))
    await compose(db, clock=at(NOW))
    assert (await reload(db, reader)).next_issue_at == next_due(reader.schedule, NOW)


async def test_nothing_good_enough_is_a_quiet_issue_that_says_why(db: Database) -> None:
    reader = await subscribe(db, cut=99.0)
    await announce(db, paper_about(1, "weather of a small town"), paper_about(2, "black holes"))
    report = await compose(db, clock=at(NOW))
    issue = await issue_of(db, reader)
    assert (report.composed, report.quiet, await deliveries(db)) == (0, 1, 0)
    assert issue
    assert issue.note.startswith("2 new papers, best score ")


async def test_quiet_note_is_mailed_to_who_wants_it(db: Database) -> None:
    await subscribe(db, quiet_note=True)
    await announce(db, paper_about(1, "black holes"))
    await compose(db, clock=at(NOW))
    assert await deliveries(db) == 1


@pytest.mark.parametrize("status", [s for s in SubscriberStatus if s is not SubscriberStatus.ACTIVE])
async def test_only_active_subscribers_get_issues(db: Database, status: SubscriberStatus) -> None:
    await subscribe(db, status=status)
    await announce(db, paper_about(1, "language models"))
    assert (await compose(db, clock=at(NOW))).composed == 0


async def test_window_begins_after_the_last_issue(db: Database) -> None:
    reader = await subscribe(db)
    await announce(db, paper_about(1, "language models"))
    await compose(db, clock=at(NOW))
    await send_all(db)
    await announce(db, paper_about(2, "language models again"), when=LATER)
    await compose(db, clock=at(LATER + timedelta(days=1)))
    assert shown(await issue_of(db, reader)) == ["arxiv:2604.00002"]


async def test_first_issue_covers_the_last_seven_days(db: Database) -> None:
    await announce(db, paper_about(1, "language models, old"), when=NOW - timedelta(days=8))
    await announce(db, paper_about(2, "language models"), when=NOW - timedelta(days=6))
    reader = await subscribe(db)
    await compose(db, clock=at(NOW))
    assert shown(await issue_of(db, reader)) == ["arxiv:2604.00002"]


async def test_who_follows_no_topic_yet_loses_no_paper(db: Database) -> None:
    reader = await subscribe(db, topics=())
    await announce(db, paper_about(1, "language models"))
    assert (await compose(db, clock=at(NOW))).topicless == 1
    wished = replace(await reload(db, reader), topics=(make_topic(),))
    async with db.write() as conn:
        await subscribers.change(conn, wished)
    await compose(db, clock=at(LATER))
    assert shown(await issue_of(db, reader)) == ["arxiv:2604.00001"]


async def test_what_breaks_for_one_reader_breaks_for_nobody_else(db: Database) -> None:
    reader, other = await subscribe(db, 1), await subscribe(db, 2)
    await announce(db, paper_about(1, "language models"))
    async with db.write() as conn:  # as nobody but a hand in the database can write it
        await conn.execute(update(topics).where(topics.c.subscriber_id == other.id).values(keywords=[5]))
    report = await compose(db, clock=at(NOW))
    assert (report.composed, report.broken, report.waiting) == (1, 1, 0)
    assert shown(await issue_of(db, reader)) == ["arxiv:2604.00001"]
    async with db.write() as conn:
        await conn.execute(update(topics).values(keywords=[]))
    assert (await compose(db, clock=at(NOW + timedelta(hours=1)))).composed == 1


async def test_outage_gives_one_issue_for_the_gap(db: Database) -> None:
    reader = await subscribe(db)
    for day in range(1, 5):
        await announce(db, paper_about(day, "language models"), when=NOW + timedelta(days=day))
    report = await compose(db, clock=at(NOW + timedelta(days=5)))
    assert report.composed == 1
    assert len(shown(await issue_of(db, reader))) == 4


async def test_unsent_issue_is_merged_into_the_next(db: Database) -> None:
    reader = await subscribe(db)
    await announce(db, paper_about(1, "language models"))
    await compose(db, clock=at(NOW))
    await announce(db, paper_about(2, "language models again"), when=LATER)
    await compose(db, clock=at(LATER))
    async with db.read() as conn:
        states = await overview.by_state(conn)
    assert (states["expired"], states["pending"]) == (1, 1)
    assert sorted(shown(await issue_of(db, reader))) == ["arxiv:2604.00001", "arxiv:2604.00002"]


async def test_extra_issue_marks_its_papers_and_leaves_the_schedule(db: Database) -> None:
    due_at = NOW + timedelta(hours=5)
    reader = await subscribe(db, next_issue_at=due_at)
    await announce(db, paper_about(1, "language models"))
    await compose_extra(db, reader, clock=at(NOW))
    await send_all(db)
    assert (await reload(db, reader)).next_issue_at == due_at
    await announce(db, paper_about(2, "language models again"), when=LATER)
    await compose(db, clock=at(LATER))
    assert "arxiv:2604.00001" not in shown(await issue_of(db, reader))


async def test_sources_of_a_subscriber_are_respected(db: Database) -> None:
    reader = await subscribe(db, sources=("huggingface",))
    await announce(
        db,
        paper_about(1, "language models"),
        make_paper(2, title="language models", families=("huggingface",)),
    )
    await compose(db, clock=at(NOW))
    assert shown(await issue_of(db, reader)) == ["arxiv:2604.00002"]


async def test_two_passes_at_once_compose_once(db_url: str) -> None:
    import asyncio

    one, two = Database(db_url), Database(db_url)
    for number in range(1, 6):
        await subscribe(one, number)
    await announce(one, paper_about(1, "language models"))
    reports = await asyncio.gather(compose(one, clock=at(NOW)), compose(two, clock=at(NOW)))
    assert sum(report.composed for report in reports) == 5
    assert await deliveries(one) == 5
    await one.close()
    await two.close()


async def test_trending_papers_come_beyond_the_topics(db: Database) -> None:
    reader = await subscribe(db, trending=1, topics=(make_topic("language models"),))
    await announce(
        db,
        paper_about(1, "language models"),
        make_paper(2, title="black holes", abstract="", votes=50),
        make_paper(3, title="white dwarfs", abstract="", votes=5),
    )
    await compose(db, clock=at(NOW))
    issue = await issue_of(db, reader)
    assert issue
    assert issue.trending == ("arxiv:2604.00002",)
