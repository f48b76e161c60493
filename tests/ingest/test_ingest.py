"""The step as a whole: what fails stops nothing else, what was seen is not seen again."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from digest.errors import BusyError
from digest.ingest.fetch import Fetched, Fetcher
from digest.models import Source, SourceKind, SourceState
from digest.pipeline.ingest import ingest
from digest.pipeline.judging import rest
from digest.storage import passes
from digest.storage.database import Database
from digest.storage.papers import by_ids, window
from digest.storage.sources import statuses
from tests.make import NOW

from . import week
from .origin import Origin, Page

DAY = "2026-04-23"
CUT = b'HTTP/1.1 200 OK\r\nContent-Length: 99999\r\nETag: "x"\r\n\r\n'
EXAMPLE = Source(name="example:arxiv", family="arxiv", kind=SourceKind.EXAMPLE, url="arxiv", open=True)


def feed(origin: Origin, path: str, name: str = "Journal") -> Source:
    return Source(name=name, family=name, kind=SourceKind.FEED, url=origin.url + path)


@pytest.fixture
def recorded() -> week.Week:
    return week.load(week.SMALL)


async def test_one_failing_source_stops_no_other(db: Database, origin: Origin, recorded: week.Week) -> None:
    week.publish(origin, DAY, recorded[DAY])
    origin.pages["/atom/cs.CL"] = Page(b"<html><body>Sign in</body></html>")
    report = await week.run(db, week.sources(origin, ["cs.AI", "cs.CL"]), DAY)
    assert [one.state for one in report.sources] == [SourceState.FRESH, SourceState.FAILED, SourceState.FRESH]
    assert report.failed
    assert "web page" in (report.sources[1].error or "")


async def test_the_next_good_answer_heals(db: Database, origin: Origin, recorded: week.Week) -> None:
    found = week.sources(origin, ["cs.CL"], huggingface=False)
    assert (await week.run(db, found, DAY)).sources[0].state is SourceState.FAILED
    week.publish(origin, DAY, recorded[DAY])
    report = await week.run(db, found, DAY)
    assert (report.sources[0].state, report.sources[0].error) == (SourceState.FRESH, None)


async def test_a_source_that_asks_for_rest_gets_it_also_after_a_restart(db: Database, origin: Origin) -> None:
    found = week.sources(origin, ["cs.CL"], huggingface=False)
    origin.pages["/atom/cs.CL"] = Page(b"", status=429, headers={"Retry-After": "7200"})
    await week.run(db, found, DAY, hour=12)
    report = await week.run(db, found, DAY, hour=13)
    assert len(origin.requests) == 1
    assert "429" in (report.sources[0].error or "")
    await week.run(db, found, DAY, hour=15)
    assert len(origin.requests) == 2


def test_rest_grows_with_jitter_and_obeys_the_server() -> None:
    assert rest(1, None, 1.0) == timedelta()
    assert rest(2, None, 1.0) == timedelta(minutes=1)
    assert rest(3, None, 0.0) == timedelta(minutes=1)
    assert rest(3, None, 1.0) == timedelta(minutes=2)
    assert rest(99, None, 1.0) == timedelta(hours=6)
    assert rest(1, 600.0, 0.5) == timedelta(minutes=10)


async def test_cut_answer_is_used_and_asked_for_again(
    db: Database, origin: Origin, recorded: week.Week
) -> None:
    whole = recorded[DAY]["cs.AI"]
    found = week.sources(origin, ["cs.AI"], huggingface=False)
    origin.pages["/atom/cs.AI"] = Page(send=CUT + whole[: len(whole) // 2])
    first = await week.run(db, found, DAY)
    assert first.papers > 0
    assert "broke off" in (first.sources[0].error or "")
    origin.pages["/atom/cs.AI"] = Page(whole)
    second = await week.run(db, found, DAY)
    assert "if-none-match" not in origin.requests[-1][1]
    assert second.papers == whole.count(b"<item>")
    assert second.sources[0].error is None


async def test_a_second_pass_moves_no_body(db: Database, origin: Origin, recorded: week.Week) -> None:
    week.publish(origin, DAY, recorded[DAY])
    found = week.sources(origin, ["cs.AI", "cs.CL"])
    await week.run(db, found, DAY)
    moved = origin.sent
    await week.run(db, found, DAY)
    assert origin.sent - moved <= 14 * len(b"none") * 10  # the days that do not exist


async def test_empty_feed_is_quiet_and_no_failure(db: Database, origin: Origin, recorded: week.Week) -> None:
    week.publish(origin, "2026-04-26", recorded["2026-04-26"])
    report = await week.run(db, week.sources(origin, ["cs.CL"], huggingface=False), "2026-04-26")
    assert (report.sources[0].state, report.failed) == (SourceState.QUIET, False)


async def test_votes_follow_the_list_for_two_weeks(db: Database, origin: Origin, recorded: week.Week) -> None:
    found = week.sources(origin, [])
    week.publish(origin, DAY, recorded[DAY])
    await week.run(db, found, DAY)
    origin.pages[f"/api/daily_papers?date={DAY}"] = Page(
        b'[{"paper": {"id": "2604.18168", "title": "Known", "upvotes": 4321}}]'
    )
    await week.run(db, found, "2026-05-05")
    async with db.read() as conn:
        assert (await by_ids(conn, ["2604.18168"]))["2604.18168"].votes == 4321


async def test_earlier_lists_are_not_asked_for_every_quarter_of_an_hour(
    db: Database, origin: Origin, recorded: week.Week
) -> None:
    found = week.sources(origin, [])
    week.publish(origin, DAY, recorded[DAY])
    for hour, requests in ((12, 14), (13, 15), (19, 29)):
        await week.run(db, found, DAY, hour=hour)
        assert len(origin.requests) == requests


async def test_example_is_dated_by_first_sight_and_read_once(db: Database) -> None:
    now = datetime(2031, 2, 3, 4, 5, tzinfo=UTC)
    report = await ingest(db, [EXAMPLE], clock=lambda: now)
    again = await ingest(db, [EXAMPLE], clock=lambda: now + timedelta(days=1))
    assert 400 <= report.papers <= 700
    assert (report.sources[0].state, again.sources[0].new) == (SourceState.FRESH, 0)
    async with db.read() as conn:
        eligible = await window(conn, 0, report.number)
    assert len(eligible) == report.papers
    assert {(paper.published_at, paper.eligible_at) for paper in eligible} == {(now, now)}
    assert any(paper.votes for paper in eligible)


async def test_seed_without_ids_and_authors_is_stored_once(db: Database, origin: Origin) -> None:
    abstract = "We study retrieval augmented generation for code models and find that it helps."
    origin.pages["/seed.xml"] = Page(
        b"<rss version='2.0'><channel><title>s</title><item><title>A study of seeds</title>"
        b"<guid>seed-2fc1049e4201fe84</guid><description>" + abstract.encode() + b"</description></item>"
        b"</channel></rss>"
    )
    origin.pages["/seed.json"] = Page(
        b'[{"paper": {"id": "seed-2fc1049e4201fe84", "title": "A study of seeds", "summary": "%s"}}]'
        % abstract.encode()
    )
    report = await week.run(db, [feed(origin, "/seed.xml"), feed(origin, "/seed.json", "Other")], DAY)
    async with db.read() as conn:
        (paper,) = await window(conn, 0, report.number)
    assert (paper.title, paper.abstract) == ("A study of seeds", abstract)
    assert (paper.authors, paper.url, paper.votes, paper.published_at) == ((), "", None, None)


async def test_old_papers_of_a_new_source_do_not_flood(db: Database, origin: Origin) -> None:
    item = "<item><title>Paper {0} of a journal</title><link>https://j.example.org/{0}</link>{1}</item>"
    dates = [
        "<pubDate>Tue, 14 Apr 2026 00:00:00 GMT</pubDate>",
        "<pubDate>Tue, 14 Jan 2025 00:00:00 GMT</pubDate>",
    ]
    items = "".join(item.format(n, date) for n, date in enumerate([*dates, ""]))
    origin.pages["/j"] = Page(f"<rss version='2.0'><channel><title>J</title>{items}</channel></rss>".encode())
    report = await week.run(db, [feed(origin, "/j")], DAY)
    async with db.read() as conn:
        eligible = await window(conn, 0, report.number)
    assert report.papers == 3
    assert {paper.url[-1] for paper in eligible} == {"0", "2"}


async def test_a_pass_that_was_overtaken_stops(db: Database, origin: Origin, recorded: week.Week) -> None:
    week.publish(origin, DAY, recorded[DAY])

    async def overtake(*_: object) -> None:
        async with db.write() as conn:
            await passes.start(conn, NOW)

    found = week.sources(origin, ["cs.AI"], huggingface=False)

    class Slow(Fetcher):
        async def fetch(self, *args: object, **options: object):  # type: ignore[no-untyped-def]
            await overtake()
            return await super().fetch(*args, **options)  # type: ignore[arg-type]

    with pytest.raises(BusyError, match="another process"):
        await ingest(db, found, clock=lambda: NOW, fetcher=Slow())


async def test_progress_is_told_per_source(db: Database, origin: Origin, recorded: week.Week) -> None:
    week.publish(origin, DAY, recorded[DAY])
    told: list[tuple[str, int, int]] = []
    await ingest(
        db, week.sources(origin, ["cs.AI"]), clock=lambda: NOW, progress=lambda *step: told.append(step)
    )
    assert told.index(("arxiv:cs.AI", 0, 1)) < told.index(("arxiv:cs.AI", 1, 1))
    assert ("huggingface", 14, 14) in told


async def test_silence_of_several_publishing_days_is_an_alarm(
    db: Database, origin: Origin, recorded: week.Week
) -> None:
    found = week.sources(origin, ["cs.CL"], huggingface=False)
    week.publish(origin, DAY, recorded[DAY])
    await week.run(db, found, DAY)
    week.publish(origin, "2026-04-26", recorded["2026-04-26"])
    report = await week.run(db, found, "2026-04-28")
    assert (report.sources[0].state, report.sources[0].error) == (SourceState.QUIET, None)
    report = await week.run(db, found, "2026-04-29")
    assert "nothing new on 3 publishing days" in (report.sources[0].error or "")


async def test_a_category_that_never_brought_anything_is_an_alarm_too(
    db: Database, origin: Origin, recorded: week.Week
) -> None:
    found = week.sources(origin, ["cs.XX"], huggingface=False)
    origin.pages["/atom/cs.XX"] = Page(recorded["2026-04-26"]["cs.CL"])
    said = [(await week.run(db, found, f"2026-04-{day}")).sources[0] for day in (20, 21, 24)]
    assert [one.error is None for one in said] == [True, True, False]
    assert "nothing new on 3 publishing days, since 2026-04-20" in (said[2].error or "")


async def test_sources_that_left_the_file_keep_their_history(db: Database, origin: Origin) -> None:
    await week.run(db, week.sources(origin, ["cs.AI", "cs.CL"], huggingface=False), DAY)
    await week.run(db, week.sources(origin, ["cs.CL"], huggingface=False), DAY)
    async with db.read() as conn:
        assert [one.name for one in await statuses(conn)] == ["arxiv:cs.CL"]


async def test_pages_of_biorxivs_api_are_followed(db: Database, origin: Origin) -> None:
    def page(cursor: int) -> Page:
        named = {"doi": f"10.64898/2026.04.01.{cursor:06}", "title": f"Preprint {cursor}"}
        record = {**named, "date": DAY, "version": "1"}
        message = {"cursor": cursor, "count": 1, "total": "3"}
        return Page(json.dumps({"messages": [message], "collection": [record]}).encode())

    base = "/details/biorxiv/2026-04-20/2026-04-23/"
    origin.pages = {f"{base}{n}": page(n) for n in range(3)}
    report = await week.run(db, [feed(origin, f"{base}0")], DAY)
    assert (report.papers, report.sources[0].error) == (3, None)


async def test_two_thousand_rows_are_a_possible_loss(
    db: Database, origin: Origin, recorded: week.Week, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.pipeline.judging.ARXIV_ROWS", 5)
    week.publish(origin, DAY, recorded[DAY])
    report = await week.run(db, week.sources(origin, ["cs.CL"], huggingface=False), DAY)
    assert "new papers may be missing" in (report.sources[0].error or "")


async def test_one_paper_under_many_ids_is_one_paper(db: Database, origin: Origin) -> None:
    links = [
        "https://arxiv.org/abs/2604.01234", "http://arxiv.org/abs/2604.01234v1",
        "https://arxiv.org/pdf/2604.01234v2.pdf", "https://www.arxiv.org/abs/2604.01234?context=cs", "https://huggingface.co/papers/2604.01234",
        "https://doi.org/10.48550/arXiv.2604.01234", "https://arxiv.org/abs/hep-th/9901001v3",
        "http://arxiv.org/abs/hep-th/9901001",
    ]  # fmt: skip
    items = "".join(f"<item><title>A paper</title><link>{link}</link></item>" for link in links)
    origin.pages["/j"] = Page(f"<rss version='2.0'><channel><title>J</title>{items}</channel></rss>".encode())
    report = await week.run(db, [feed(origin, "/j")], DAY)
    assert (report.sources[0].entries, report.papers) == (8, 2)


async def test_a_document_makes_us_ask_nobody_else(db: Database, origin: Origin) -> None:
    origin.pages["/j"] = Page(
        f'<?xml version="1.0"?><?xml-stylesheet href="{origin.url}/s.xsl"?>'
        f'<!DOCTYPE rss [<!ENTITY % d SYSTEM "{origin.url}/d.dtd"> %d; '
        f'<!ENTITY e SYSTEM "{origin.url}/e">]>'
        f'<rss version="2.0" xml:base="{origin.url}/base"><channel><title>&e;</title>'
        f'<item><title>One</title><link>{origin.url}/1</link><enclosure url="{origin.url}/enc"/>'
        f"<description>&lt;img src='{origin.url}/pixel.png'&gt;</description></item></channel></rss>".encode()
    )
    await week.run(db, [feed(origin, "/j")], DAY)
    assert [path for path, _ in origin.requests] == ["/j"]


async def test_a_dead_pass_is_seen_with_the_next_one(
    db: Database, origin: Origin, recorded: week.Week
) -> None:
    """A crash after some sources: what they stored is in the window of the next pass, once."""
    week.publish(origin, DAY, recorded[DAY])
    origin.pages["/atom/cs.CL"] = Page(recorded[DAY]["cs.CL"])
    found = week.sources(origin, ["cs.AI", "cs.CL"], huggingface=False)

    class Endless(Fetcher):
        async def fetch(self, url: str, *args: object, **options: object) -> Fetched:
            if url.endswith("cs.CL"):
                await asyncio.sleep(3600)
            return await super().fetch(url, *args, **options)  # type: ignore[arg-type]

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2.0):
            await ingest(db, found, clock=lambda: NOW, fetcher=Endless())
    report = await ingest(db, found, clock=lambda: NOW)
    async with db.read() as conn:
        eligible = await window(conn, 0, report.number)
    assert len(eligible) == len({paper.id for paper in eligible}) > 6
    assert {paper.eligible_pass for paper in eligible} == {report.number - 1, report.number}


async def test_a_mistake_of_ours_costs_one_source(db: Database, origin: Origin, recorded: week.Week) -> None:
    week.publish(origin, DAY, recorded[DAY])

    class Broken(Fetcher):
        async def fetch(self, url: str, *args: object, **options: object) -> Fetched:
            if url.endswith("cs.CL"):
                raise KeyError("oops")
            return await super().fetch(url, *args, **options)  # type: ignore[arg-type]

    found = week.sources(origin, ["cs.CL", "cs.AI"], huggingface=False)
    report = await ingest(db, found, clock=lambda: NOW, fetcher=Broken())
    assert [one.state for one in report.sources] == [SourceState.FAILED, SourceState.FRESH]
    assert "an error in digest itself" in (report.sources[0].error or "")


async def test_text_that_databases_refuse_is_never_stored(db: Database, origin: Origin) -> None:
    """NUL, lone surrogates, endless numbers and names: each stored on both databases or left out."""
    odd = "\x00\ud800" + "x" * 400
    record = {
        "doi": "10.1101/1\x00a",
        "title": f"T{odd}",
        "version": 10**40,
        "date": "9999-12-31T23:59:59-12:00",
    }
    other = {"doi": "10.1101/" + "y" * 900, "title": "U", "version": "1", "category": odd, "authors": odd}
    papers = [
        {
            "paper": {
                "id": odd * 9,
                "title": odd,
                "summary": odd,
                "upvotes": 10**30,
                "publishedAt": "0001-01-01",
            }
        }
    ]
    origin.pages["/a"] = Page(
        json.dumps({"messages": [{"total": "2"}], "collection": [record, other]}).encode()
    )
    origin.pages["/b"] = Page(json.dumps(papers).encode())
    found = [feed(origin, "/a"), feed(origin, "/b", "Other")]
    report = await week.run(db, found, DAY)
    assert not report.failed
    assert report.papers >= 1
    assert (await week.run(db, found, DAY)).papers == report.papers
