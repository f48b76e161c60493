"""Days without a run are found and filled; what cannot be filled is remembered and asked for again."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from digest.ingest import gaps
from digest.ingest.child import Reader
from digest.ingest.fetch import Fetcher
from digest.ingest.gaps import Gap, batch_day, missed, oai_set
from digest.models import Source, SourceKind
from digest.pipeline.backfill import address_of, fill
from digest.pipeline.ingest import IngestReport, ingest
from digest.storage.database import Database
from digest.storage.papers import by_ids, count
from digest.storage.sources import statuses

from . import oracle, week
from .archive import Archive
from .origin import Origin, Page

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)


async def quick(_seconds: float) -> None:
    """Nobody waits three seconds in a test; that they are kept is tested where requests are made."""


async def run(db: Database, found: list[Source], day: str) -> IngestReport:
    now = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    return await ingest(db, found, clock=lambda: now, fetcher=Fetcher(sleep=quick))


def backed(origin: Origin, names: list[str], path: str) -> list[Source]:
    return [week.arxiv(origin, name, backfill_url=origin.url + path) for name in names]


@pytest.mark.parametrize(
    ("last", "present", "expected"),
    [
        (date(2026, 4, 14), date(2026, 4, 15), None),
        (date(2026, 4, 14), date(2026, 4, 14), None),
        (date(2026, 4, 17), date(2026, 4, 20), None),
        (date(2026, 4, 14), date(2026, 4, 16), Gap(first=date(2026, 4, 15), last=date(2026, 4, 15))),
        (date(2026, 4, 14), date(2026, 4, 20), Gap(first=date(2026, 4, 15), last=date(2026, 4, 17))),
        (date(2025, 4, 14), date(2026, 4, 20), Gap(first=date(2026, 3, 23), last=date(2026, 4, 17))),
    ],
)
def test_missed_days_are_publishing_days_in_between(last: date, present: date, expected: Gap | None) -> None:
    assert missed(last, present, NOW) == expected


def test_a_batch_on_saturday_is_fridays_and_an_empty_saturday_is_not() -> None:
    saturday = datetime(2026, 4, 25, 4, tzinfo=UTC)
    assert batch_day(saturday, empty=False) == date(2026, 4, 24)
    assert batch_day(saturday, empty=True) == date(2026, 4, 25)


def test_sets_have_arxivs_names() -> None:
    names = ["cs.CL", "hep-ph", "astro-ph.CO", "stat.ML", "math"]
    assert [oai_set(name) for name in names] == [
        "cs:cs:CL", "physics:hep-ph", "physics:astro-ph:CO", "stat:stat:ML", "math",
    ]  # fmt: skip


def test_the_api_is_asked_for_submissions_and_for_updates() -> None:
    gap = Gap(first=date(2026, 4, 15), last=date(2026, 4, 17))
    first, second = gaps.queries("https://export.arxiv.org/api/query", "cs.CL", gap)
    assert "cat%3Acs.CL+AND+submittedDate%3A%5B202604110000+TO+202604172359%5D" in first
    assert "lastUpdatedDate" in second
    assert "cat%3Amath.%2A+AND" in gaps.queries("https://export.arxiv.org/api/query", "math", gap)[0]
    assert "cat%3Amath-ph+AND" in gaps.queries("https://export.arxiv.org/api/query", "math-ph", gap)[0]


@pytest.mark.parametrize("path", ["/api/query", "/oai2", "/oai/plain"])
async def test_three_days_left_out_are_filled(
    db: Database, origin: Origin, shared: Path | None, path: str
) -> None:
    recorded = week.arxiv_alone(week.weeks(shared).get("replay") or week.load(week.SMALL))
    days = list(recorded)
    left_out = days[2:5] if len(days) > 4 else days[1:2]
    names = ["cs.CL"]
    archive = Archive(recorded, limit=500)
    origin.answer = {"/api/query": archive.api, "/oai2": archive.oai, "/oai/plain": archive.plain}
    whole = {
        item.id: item for day in days[:8] for name in names for item in oracle.items(recorded[day][name])
    }
    for day in days[:8]:
        if day not in left_out:
            week.publish(origin, day, recorded[day])
            report = await run(db, backed(origin, names, path), day)
            assert [one.error for one in report.sources] == [None] * len(names)
    async with db.read() as conn:
        stored = await by_ids(conn, whole)
        total = await count(conn)
    assert stored.keys() == whole.keys()
    assert total == len(whole)
    assert {key: paper.abstract for key, paper in stored.items()} == {
        key: item.abstract for key, item in whole.items()
    }


async def test_what_cannot_be_filled_now_is_asked_for_later(db: Database, origin: Origin) -> None:
    recorded = week.load(week.SMALL)
    found = backed(origin, ["cs.CL"], "/api/query")
    origin.pages["/api/query"] = Page(b"Rate exceeded.", status=429, headers={"Retry-After": "3600"})
    for day in ("2026-04-23", "2026-04-25"):
        week.publish(origin, day, recorded[day])
        report = await run(db, found, day)
    assert "2026-04-24 could not be filled in yet: the server answered 429" in (report.sources[0].error or "")
    asked = len(origin.requests)
    await run(db, found, "2026-04-25")
    assert len([path for path, _ in origin.requests[asked:] if "api" in path]) == 0
    del origin.pages["/api/query"]
    origin.answer = {"/api/query": Archive(recorded).api}
    report = await run(db, found, "2026-04-26")
    async with db.read() as conn:
        assert {one.id for one in oracle.items(recorded["2026-04-24"]["cs.CL"])} <= (
            await by_ids(conn, [one.id for one in oracle.items(recorded["2026-04-24"]["cs.CL"])])
        ).keys()
        assert (await statuses(conn))[0].gap is None
    assert report.sources[0].error is None


async def test_a_server_that_repeats_itself_is_left_alone(db: Database, origin: Origin) -> None:
    recorded = week.load(week.SMALL)
    found = backed(origin, ["cs.CL"], "/api/query")
    body = (week.SMALL.parent / "arxiv" / "api.xml").read_bytes()
    origin.pages["/api/query"] = Page(body)
    for day in ("2026-04-23", "2026-04-25"):
        week.publish(origin, day, recorded[day])
        await run(db, found, day)
    assert len([path for path, _ in origin.requests if path.startswith("/api")]) == 4


async def test_a_copy_without_an_archive_asks_nobody(db: Database, origin: Origin) -> None:
    recorded = week.load(week.SMALL)
    for day in ("2026-04-23", "2026-04-25"):
        week.publish(origin, day, recorded[day])
        report = await run(db, week.sources(origin, ["cs.CL"], huggingface=False), day)
    assert report.sources[0].error is None


async def test_a_mirror_in_the_house_that_cannot_be_filled_says_so(fetcher: Fetcher, reader: Reader) -> None:
    gap = Gap(first=date(2026, 4, 24), last=date(2026, 4, 24))
    mirror = Source(name="arxiv:cs.CL", family="arxiv", kind=SourceKind.ARXIV, url="http://10.1.2.3/cs.CL")
    found = await fill(mirror, gap, fetcher, reader, now=NOW, step=lambda *_: None)
    assert found == ([], None, "2026-04-24 was missed; name a `backfill_url` to fetch it")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://rss.arxiv.org/atom/cs.CL", gaps.API),
        ("https://arxiv.example.edu/feeds/cs.CL", gaps.API),
        ("http://127.0.0.1:8900/atom/cs.CL", None),
        ("http://[::1]:8900/atom/cs.CL", None),
        ("http://localhost/atom/cs.CL", None),
        ("http://mirror.lan/atom/cs.CL", None),
    ],
)
def test_a_mirror_is_filled_from_arxiv_and_a_copy_at_hand_is_not(url: str, address: str | None) -> None:
    source = Source(name="arxiv:cs.CL", family="arxiv", kind=SourceKind.ARXIV, url=url)
    assert address_of(source) == address
    assert address_of(replace(source, backfill_url="http://127.0.0.1/q")) == "http://127.0.0.1/q"


async def test_four_categories_leave_an_archive_alone_that_asks_for_it(db: Database, origin: Origin) -> None:
    recorded = week.load(week.SMALL)
    found = backed(origin, ["cs.AI", "cs.CL"], "/api/query")
    origin.pages["/api/query"] = Page(b"", status=503, headers={"Retry-After": "90000"})
    for day in ("2026-04-23", "2026-04-26", "2026-04-26"):
        week.publish(origin, day, recorded[day])
        await run(db, found, day)
    assert len([path for path, _ in origin.requests if path.startswith("/api")]) == 1
    async with db.read() as conn:
        ends = {(one.gap or {})["retry_at"][:13] for one in await statuses(conn)}
    assert ends == {"2026-04-27T13"} or ends == {"2026-04-27T12", "2026-04-27T13"}
