"""The public lists and the search: everything that is stored is found, hostile queries find nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from digest.pipeline.signup import Limits
from digest.storage.database import Database
from digest.web.archive import read_span, span_of
from tests.make import NOW, make_paper
from tests.pipeline.steps import announce
from tests.web.conftest import BASE, Place, opened
from tests.web.steps import words


async def stored(place: Place) -> None:
    await announce(
        place.db, make_paper(1, title="Old bees", categories=("q-bio.PE",)), when=NOW - timedelta(days=9)
    )
    await announce(
        place.db,
        make_paper(2, title="Dancing bees", authors=("Jürgen Müller",), votes=4, submitter="Ada L."),
        make_paper(3, title="Schrödinger operators", abstract="On spectra.", categories=("math.SP",)),
        make_paper(4, title="Closed hives", abstract="Secret bees.", open=False, families=("Nature",)),
    )


async def test_lists_of_day_week_and_month(place: Place) -> None:
    await stored(place)
    day = (await place.client.get("/trending")).text
    assert "4 votes</span> on Hugging Face" in day
    assert "submitted by Ada L." in day
    assert '<span class="new">new</span>' in day
    assert "Dancing bees" in day
    assert "Old bees" not in day
    assert "Old bees" in (await place.client.get("/trending?period=month")).text
    assert "Old bees" in (await place.client.get("/archive/2026-04-05")).text
    assert "Dancing bees" in (await place.client.get("/archive/2026-W16")).text


@pytest.mark.parametrize("name", ["2026-13", "2026-W99", "x", "0000-00-00", "99999-01", "2026-04-31", "-W"])
async def test_there_is_no_such_time(place: Place, name: str) -> None:
    assert (await place.client.get(f"/archive/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "name"), [("day", "2024-12-30"), ("week", "2025-W01"), ("month", "2024-12")]
)
def test_spans_are_read_as_they_are_written(kind: str, name: str) -> None:
    span = span_of(kind, datetime(2024, 12, 30, 15, tzinfo=UTC))
    assert (span.name, read_span(span.name)) == (name, span)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=bees", ["Dancing bees", "Old bees", "Closed hives"]),
        ("q=bee", ["Dancing bees", "Old bees", "Closed hives"]),
        ("q=dancing+bees", ["Dancing bees"]),
        ("q=m%C3%BCller", ["Dancing bees"]),
        ("q=Muller", ["Dancing bees"]),
        ("q=schrodinger", ["Schrödinger operators"]),
        ("q=bees&category=q-bio", ["Old bees"]),
        ("category=math.SP", ["Schrödinger operators"]),
        ("q=bees&source=Nature", ["Closed hives"]),
        ("source=arxiv&until=2026-04-01", []),
        ("q=bees&since=2026-04-14", ["Dancing bees", "Old bees", "Closed hives"]),
    ],
)
async def test_search_finds_words_and_obeys_filters(place: Place, asked: str, found: list[str]) -> None:
    await stored(place)
    page = words(await place.client.get(f"/search?{asked}"))
    titles = ["Old bees", "Dancing bees", "Schrödinger operators", "Closed hives"]
    assert [title for title in titles if title in page] == [title for title in titles if title in found]
    assert "Secret bees" not in page


@pytest.mark.parametrize("typed", ["2604.00002", "https://arxiv.org/abs/2604.00002v1", "arxiv:2604.00002"])
async def test_an_id_leads_to_its_paper(place: Place, typed: str) -> None:
    await stored(place)
    found = await place.client.get("/search", params={"q": typed})
    assert (found.status_code, found.headers["location"]) == (303, "/paper/arxiv%3A2604.00002")
    assert "Dancing bees" in words(await place.client.get(found.headers["location"]))
    assert (await place.client.get("/search?q=2604.99998")).status_code == 200


async def test_an_id_leads_below_the_address_of_the_pages(db: Database) -> None:
    async with opened(db, f"{BASE}/papers") as place:
        await stored(place)
        found = await place.client.get("/search?q=2604.00002")
    assert found.headers["location"] == "/papers/paper/arxiv%3A2604.00002"


@pytest.mark.parametrize(
    "words_",
    ['"', "bees AND (", "NEAR(", "*", "title:x", "' OR 1=1 --", "\x00", "%", "😀", "a" * 500, "-", ":*", "!"],
)
async def test_hostile_words_are_words(place: Place, words_: str) -> None:
    await stored(place)
    page = await place.client.get("/search", params={"q": words_, "category": words_, "source": words_})
    assert page.status_code == 200


async def test_search_tells_a_language_from_its_letter(place: Place) -> None:
    titles = ("Bounds checks in C++", "Vitamin C and colds", "A C_Compiler in F#")
    await announce(place.db, *(make_paper(n, title=title) for n, title in enumerate(titles, 1)))
    for typed, found in (("C++", {titles[0]}), ("c", set(titles)), ("f#", {titles[2]}), ("C#", set())):
        page = words(await place.client.get("/search", params={"q": typed}))
        assert {title for title in titles if title in page} == found


async def test_searches_of_one_network_are_limited(db: Database) -> None:
    async with opened(db, limits=Limits(searches_minute=2)) as place:
        answers = [await place.client.get("/search?q=bees") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert "Wait a little" in words(answers[2])


async def test_search_follows_changed_papers(place: Place) -> None:
    from dataclasses import replace

    from digest.storage import papers

    await stored(place)
    async with place.db.write() as conn:
        [(number, paper)] = (await papers.by_keys(conn, ["arxiv:2604.00003"])).values()
        await papers.update_papers(conn, {number: replace(paper, title="Renamed wasps")}, {})
    assert "Renamed wasps" in words(await place.client.get("/search?q=wasps"))
    assert "Renamed wasps" not in words(await place.client.get("/search?q=schr%C3%B6dinger"))


async def test_paper_has_a_page_with_similar_ones(place: Place) -> None:
    await stored(place)
    page = await place.client.get("/paper/arxiv:2604.00002")
    assert "Closed hives" in page.text
    assert (await place.client.get("/paper/2604.00002v3")).status_code == 200
    closed = await place.client.get("/paper/arxiv:2604.00004")
    assert "Secret" not in closed.text
    assert "keeps the abstract" in closed.text


@pytest.mark.parametrize("name", ["arxiv:9999.99999", "x", "10.1/", "%00", "..%2f..%2fetc", "title:x"])
async def test_unknown_paper_is_not_found(place: Place, name: str) -> None:
    assert (await place.client.get(f"/paper/{name}")).status_code == 404
