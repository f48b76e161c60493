"""Papers are found under every form of their ids, in windows of passes, and merged without loss."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from digest.models import Paper
from digest.storage import papers, passes
from digest.storage.database import Database
from digest.storage.tables import mailed, subscribers, votes
from tests.make import NOW, make_paper


async def stored(db: Database, *some: Paper) -> dict[str, int]:
    async with db.write() as conn:
        given = await papers.insert_papers(conn, some)
        await papers.add_aliases(conn, given)
    return given


async def reader(db: Database, number: int) -> int:
    address = f"r{number}@papers.dev"
    values = {"email": address, "address": address, "token": f"t{number}", "name": "", "status": "active"}
    rest = {"weekdays": [], "at": "07:30", "zone": "UTC", "max_papers": 9, "cut": 50, "trending": 0}
    flags = {"revisions": False, "quiet_note": False, "in_file": False, "sources": [], "created_at": NOW}
    async with db.write() as conn:
        done = await conn.execute(insert(subscribers).values(**values, **rest, **flags))
        return int(done.inserted_primary_key[0])  # type: ignore[index]


async def test_paper_comes_back_as_it_was_stored(db: Database) -> None:
    paper = make_paper(1, title="$p<q$ Ünïcode 李雷", votes=3, doi="10.1000/x", comment="8 pages")
    await stored(db, paper)
    async with db.read() as conn:
        assert (await papers.by_ids(conn, [paper.id]))[paper.id] == paper


@pytest.mark.parametrize(
    "asked",
    [
        "2604.00001", "2604.00001v7", "arxiv:2604.00001", "arXiv:2604.00001v1", "https://arxiv.org/abs/2604.00001",
        "http://www.arxiv.org/pdf/2604.00001v2.pdf", "https://arxiv.org/abs/2604.00001?context=cs",
        "10.48550/arXiv.2604.00001", "https://doi.org/10.48550/arXiv.2604.00001",
        "https://huggingface.co/papers/2604.00001", "oai:arXiv.org:2604.00001",
    ],
)  # fmt: skip
async def test_every_form_of_an_id_finds_the_paper(sqlite: Database, asked: str) -> None:
    given = await stored(sqlite, make_paper(1))
    async with sqlite.read() as conn:
        assert (await papers.by_ids(conn, [asked, "2604.99999", "nonsense"])).keys() == {asked}
        assert await papers.numbers(conn, [asked, "nonsense"]) == {asked: given["arxiv:2604.00001"]}


@pytest.mark.parametrize(
    "asked",
    [
        "10.1101/2026.04.01.123456",
        "doi:10.1101/2026.04.01.123456",
        "https://doi.org/10.1101/2026.04.01.123456",
    ],
)
async def test_every_form_of_a_doi_finds_the_paper(sqlite: Database, asked: str) -> None:
    await stored(sqlite, make_paper(1, id="doi:10.1101/2026.04.01.123456"))
    async with sqlite.read() as conn:
        assert asked in await papers.by_ids(conn, [asked])


async def test_window_is_open_below_and_closed_above(db: Database) -> None:
    await stored(db, *(make_paper(n, eligible_pass=n) for n in (1, 2, 3, 4)))
    await stored(db, make_paper(9, eligible_pass=2, withdrawn=True), make_paper(8, eligible_pass=None))
    async with db.read() as conn:
        found = await papers.window(conn, 1, 3)
    assert [paper.id for paper in found] == ["arxiv:2604.00002", "arxiv:2604.00003"]


async def test_revised_papers_have_their_own_window(db: Database) -> None:
    given = await stored(db, make_paper(1), make_paper(2))
    number = given["arxiv:2604.00001"]
    async with db.write() as conn:
        await papers.update_papers(conn, {number: make_paper(1, version=2)}, {number: 5})
    async with db.read() as conn:
        assert [paper.version for paper in await papers.revised(conn, 4, 5)] == [2]
        assert await papers.revised(conn, 5, 9) == []
        assert await papers.count(conn) == 2


async def test_merged_papers_keep_aliases_votes_and_mailed_rows(db: Database) -> None:
    given = await stored(db, make_paper(1), make_paper(2, id="doi:10.1000/x"))
    keep, gone = given.values()
    one, two = await reader(db, 1), await reader(db, 2)
    async with db.write() as conn:
        both = [{"subscriber_id": one, "paper": keep}, {"subscriber_id": one, "paper": gone}]
        await conn.execute(insert(mailed), [*both, {"subscriber_id": two, "paper": gone}])
        await conn.execute(insert(votes).values(subscriber_id=two, paper=gone, value=1, voted_at=NOW))
        await papers.absorb(conn, keep, gone)
    async with db.read() as conn:
        rows = (await conn.execute(select(mailed.c.subscriber_id, mailed.c.paper))).all()
        assert sorted(map(tuple, rows)) == [(one, keep), (two, keep)]
        assert await conn.scalar(select(votes.c.paper)) == keep
        assert await papers.numbers(conn, ["10.1000/x", "2604.00001"]) == {
            "10.1000/x": keep,
            "2604.00001": keep,
        }


async def test_trending_weighs_votes_against_age_and_falls_back_to_the_newest(db: Database) -> None:
    old = make_paper(1, votes=50, published_at=NOW - timedelta(days=20))
    await stored(
        db, old, make_paper(2, votes=5), make_paper(3), make_paper(4, published_at=NOW - timedelta(days=1))
    )
    await stored(db, make_paper(5, votes=99, withdrawn=True), make_paper(6, votes=99, eligible_at=None))
    async with db.read() as conn:
        found = await papers.trending(conn, NOW, 9)
    assert [paper.arxiv_id for paper in found] == ["2604.00002", "2604.00001", "2604.00003", "2604.00004"]


async def test_readers_votes_count_too(db: Database) -> None:
    given = await stored(db, make_paper(1), make_paper(2))
    voter = await reader(db, 1)
    async with db.write() as conn:
        row = {"subscriber_id": voter, "paper": given["arxiv:2604.00002"], "value": 1, "voted_at": NOW}
        await conn.execute(insert(votes).values(**row))
    async with db.read() as conn:
        assert [paper.arxiv_id for paper in await papers.trending(conn, NOW, 1)] == ["2604.00002"]


async def test_passes_count_from_their_commit(db: Database) -> None:
    async with db.write() as conn:
        assert (await passes.newest_pass(conn), await passes.pass_before(conn, NOW)) == (0, 0)
        first = await passes.start(conn, NOW)
        second = await passes.start(conn, NOW)
        assert await passes.newest_pass(conn) == 0
        await passes.commit(conn, second, NOW, {"papers": 3})
        assert (await passes.newest_pass(conn), await passes.newest_started(conn)) == (second, second)
        assert first < second
        assert await passes.pass_before(conn, NOW) == 0
        assert await passes.pass_before(conn, NOW + timedelta(seconds=1)) == second
        assert (await passes.last(conn) or {})["summary"] == {"papers": 3}


async def test_many_papers_are_stored_and_found_in_few_statements(db: Database) -> None:
    some = [replace(make_paper(n), id=f"arxiv:2604.{n:05d}") for n in range(1, 7_001)]
    given = await stored(db, *some)
    async with db.read() as conn:
        found = await papers.by_keys(conn, [paper.id for paper in some])
    assert len(given) == len(found) == 7_000
