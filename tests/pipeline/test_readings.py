"""A window is opened once for all batches, however many bounds the readers have."""

import gc
import weakref
from datetime import timedelta

from sqlalchemy import update

from digest.compose.message import Composer
from digest.links import Links
from digest.pipeline.catalogue import Catalogue
from digest.pipeline.window import KEPT, LASTS, Readings
from digest.storage.database import Database
from digest.storage.tables import papers
from tests.make import NOW, make_paper, make_site
from tests.pipeline.steps import announce, at


async def test_bounds_between_which_nothing_came_share_one_index(db: Database) -> None:
    first = await announce(db, make_paper(1))
    empty = await announce(db)
    last = await announce(db, make_paper(2))
    readings = Readings()
    async with db.read() as conn:
        one = await readings.get(conn, first, last, NOW)
        other = await readings.get(conn, empty, last, NOW)
        whole = await readings.get(conn, 0, last, NOW)
    assert one.index is other.index
    assert (other.window.from_pass, other.window.to_pass) == (empty, last)
    assert [paper.id for paper in one.window.papers] == ["arxiv:2604.00002"]
    assert len(whole.window.papers) == 2


async def test_window_is_read_anew_when_its_votes_are_old_but_not_indexed_anew(db: Database) -> None:
    paper = make_paper(1)
    last = await announce(db, paper)
    readings, later = Readings(), NOW + LASTS + timedelta(seconds=1)
    async with db.read() as conn:
        first = await readings.get(conn, 0, last, NOW)
    async with db.write() as conn:
        await conn.execute(update(papers).values(votes=7))
    async with db.read() as conn:
        assert (await readings.get(conn, 0, last, NOW + LASTS)).window.papers[0].votes == paper.votes
        second = await readings.get(conn, 0, last, later)
    assert second.window.papers[0].votes == 7
    assert second.index is first.index


async def test_window_is_indexed_anew_when_a_paper_has_another_text(db: Database) -> None:
    last = await announce(db, make_paper(1))
    readings, later = Readings(), NOW + LASTS + timedelta(seconds=1)
    async with db.read() as conn:
        first = await readings.get(conn, 0, last, NOW)
    async with db.write() as conn:
        await conn.execute(update(papers).values(abstract="Another one."))
    async with db.read() as conn:
        second = await readings.get(conn, 0, last, later)
    assert second.index is not first.index
    assert second.index.papers[0].abstract == "Another one."


async def test_only_the_windows_in_use_are_kept(db: Database) -> None:
    passes = [await announce(db, make_paper(number)) for number in range(1, KEPT + 3)]
    readings = Readings()
    async with db.read() as conn:
        first = await readings.get(conn, 0, passes[-1], NOW)
        for start in passes[:-1]:
            await readings.get(conn, start, passes[-1], NOW)
            assert (await readings.get(conn, 0, passes[-1], NOW)).index is first.index
        assert len(readings) == KEPT


async def test_pages_let_go_of_the_papers_of_an_older_pass(db: Database) -> None:
    """Three windows of a week beside the present one were a third of the memory of `digest serve`."""
    catalogue = Catalogue(db, at(NOW), lambda: Composer(make_site(), Links(None, ("key",))))
    await announce(db, make_paper(1))
    old = weakref.ref((await catalogue.fresh()).reading.index)
    await announce(db, make_paper(2))
    new = await catalogue.fresh()
    gc.collect()
    assert (old(), len(new.reading.window.papers)) == (None, 2)
