"""Recorded weeks, day by day, each day twice: nothing is lost, nothing is doubled, every state is right."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digest.models import SourceState
from digest.storage.database import Database
from digest.storage.papers import by_ids
from digest.storage.tables import papers

from . import oracle, week
from .origin import Origin


async def _first_seen(db: Database, number: int) -> dict[str, int]:
    query = select(papers.c.announced, func.count()).where(papers.c.first_seen_pass == number)
    async with db.read() as conn:
        rows = await conn.execute(query.group_by(papers.c.announced))
        return {row[0]: row[1] for row in rows}


async def revised(db: Database, number: int) -> int:
    async with db.read() as conn:
        return await conn.scalar(select(func.count()).where(papers.c.revised_pass == number)) or 0


@pytest.mark.parametrize("name", ["small", "replay", "holiday"])
async def test_week_is_counted_as_the_raw_text_says(
    db: Database, origin: Origin, shared: Path | None, name: str
) -> None:
    recorded = week.arxiv_alone(week.weeks(shared).get(name) or week.load(week.SMALL))
    expected, versions = oracle.count(recorded)
    sources = week.sources(origin, week.feed_names(recorded), huggingface=False)
    for day, feeds in recorded.items():
        week.publish(origin, day, feeds)
        report = await week.run(db, sources, day)
        kinds = await _first_seen(db, report.number)
        truth = expected[day]
        assert {one.name.removeprefix("arxiv:"): one.entries for one in report.sources} == truth.items
        assert sum(one.new for one in report.sources) == truth.first_seen
        assert (kinds.get("new", 0), kinds.get("cross", 0)) == (truth.new, truth.cross_only)
        assert kinds.get("replace", 0) + kinds.get("replace-cross", 0) == truth.replacement_only
        assert await revised(db, report.number) == truth.higher_version
        stale = [one.name for one in report.sources if one.state is SourceState.STALE]
        assert stale == [f"arxiv:{feed}" for feed in truth.stale]
        again = await week.run(db, sources, day)
        assert [(one.entries, one.new, one.updated) for one in again.sources] == [(0, 0, 0)] * len(sources)
        assert [one.state for one in again.sources] == [one.state for one in report.sources]
        assert again.papers == report.papers
    async with db.read() as conn:
        stored = await by_ids(conn, versions)
    assert {key: paper.version for key, paper in stored.items()} == versions
    texts = {(item.id, item.title, item.abstract) for feeds in recorded.values() for item in _all(feeds)}
    assert {(key, paper.title, paper.abstract) for key, paper in stored.items()} <= texts


def _all(feeds: Mapping[str, bytes]) -> Iterator[oracle.Item]:
    for body in feeds.values():
        yield from oracle.items(body)


async def test_replay_reaches_every_field_of_its_expectation(
    db: Database, origin: Origin, shared: Path | None
) -> None:
    """With Hugging Face after arXiv; without ../shared the small week is counted by the oracle alone."""
    recorded = week.weeks(shared).get("replay", week.load(week.SMALL))
    both = week.sources(origin, week.feed_names(recorded))
    seen: set[str] = set()
    for day, feeds in recorded.items():
        week.publish(origin, day, feeds)
        seen |= {item.id for name in feeds if name != "huggingface" for item in oracle.items(feeds[name])}
        report = await week.run(db, both, day)
        listed = [one["paper"]["id"] for one in json.loads(feeds.get("huggingface", b"[]"))]
        assert report.sources[-1].entries == len(listed)
        assert report.sources[-1].joined == sum(one in seen for one in listed)
    if shared is not None:
        assert report.papers == 8072
    else:
        assert report.papers == len(seen | {one for day in recorded for one in _listed(recorded[day])})


def _listed(feeds: object) -> list[str]:
    body = feeds.get("huggingface", b"[]")  # type: ignore[attr-defined]
    return [one["paper"]["id"] for one in json.loads(body)]


async def test_replacements_are_never_eligible_and_new_ones_always(db: Database, origin: Origin) -> None:
    recorded = week.load(week.SMALL)
    sources = week.sources(origin, week.feed_names(recorded), huggingface=False)
    for day, feeds in recorded.items():
        week.publish(origin, day, feeds)
        await week.run(db, sources, day)
    query = select(papers.c.announced, papers.c.eligible_pass.is_not(None), func.count()).group_by(
        papers.c.announced, papers.c.eligible_pass.is_not(None)
    )
    async with db.read() as conn:
        found = {(kind, bool(eligible)) for kind, eligible, _ in await conn.execute(query)}
    assert ("new", True) in found
    assert ("new", False) not in found
    assert ("replace", True) not in found
