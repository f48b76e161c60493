"""The home page and the preview: fast to read, live without a script, and nothing of it is stored."""

import re

import pytest
from sqlalchemy import text

from digest.pipeline.signup import Limits
from digest.storage.database import Database
from tests.make import make_paper
from tests.pipeline.steps import announce
from tests.web.conftest import Place, opened


async def test_home_shows_the_papers_of_the_day(place: Place) -> None:
    await announce(place.db, make_paper(1, title="Swarms of bees", votes=9))
    page = await place.client.get("/")
    assert page.status_code == 200
    assert "Swarms of bees" in page.text


async def test_home_answers_without_any_paper(place: Place) -> None:
    assert "There are no papers yet" in (await place.client.get("/")).text


async def test_preview_ranks_papers_and_says_why(place: Place) -> None:
    await announce(place.db, make_paper(1, title="Language models"), make_paper(2, title="Black holes"))
    page = await place.client.post("/preview", data={"topics": "black holes"})
    assert "Why: <b>Black holes" in page.text
    assert "Language models" not in page.text


async def test_preview_names_words_that_no_paper_holds(place: Place) -> None:
    await announce(place.db, make_paper(1, title="Black holes"))
    page = await place.client.post("/preview", data={"topics": "black holes\nspeech recogniton"})
    assert "speech recogniton: no paper says “recogniton”; is it spelled so?" in page.text
    assert "black holes: no paper" not in page.text


@pytest.mark.parametrize("part", ["", "&part=1"])
async def test_preview_without_words_says_what_to_write(place: Place, part: str) -> None:
    page = await place.client.get(f"/preview?topics=the+of{part}")
    assert page.status_code == 422
    assert "no word to rank by" in page.text
    assert re.search(r'role="alert"[^>]*>[A-Z]', page.text)


async def test_answer_to_the_form_is_jumped_to(place: Place) -> None:
    page = await place.client.get("/")
    assert 'formaction="/preview#papers"' in page.text
    assert re.search(r'<section [^>]*id="papers"[^>]* tabindex="-1"', page.text)


async def test_preview_shows_abstracts_of_open_sources_only(place: Place) -> None:
    await announce(place.db, make_paper(1, title="Black holes", abstract="A secret.", open=False))
    page = await place.client.get("/preview?topics=black+holes")
    assert "Black holes" in page.text
    assert "A secret" not in page.text


async def test_mail_preview_can_do_nothing(place: Place) -> None:
    await announce(place.db, make_paper(1, title="Black holes"))
    page = await place.client.get("/preview/mail?topics=black+holes")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "Black holes" in page.text


async def test_new_pass_is_shown_soon(place: Place) -> None:
    await place.client.get("/")
    await announce(place.db, make_paper(1, title="Swarms of bees"))
    await place.app.state.front.catalogue.fresh()
    assert "Swarms of bees" in (await place.client.get("/")).text


async def test_health_and_readiness(place: Place) -> None:
    assert (await place.client.get("/healthz")).text == "ok\n"
    assert (await place.client.get("/readyz")).json()["ready"] is True


@pytest.mark.parametrize(
    "older", ["UPDATE alembic_version SET version_num = '0001'", "DROP TABLE alembic_version"]
)
async def test_older_schema_is_not_ready(place: Place, older: str) -> None:
    async with place.db.write() as conn:
        await conn.execute(text(older))
    answer = await place.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["faults"] == ["the database lacks a migration: run `digest db upgrade`"]
    assert (await place.client.get("/healthz")).status_code == 200


async def test_schema_of_a_newer_program_is_ready(place: Place) -> None:
    """`digest db upgrade` comes first, then the processes are started anew one by one."""
    async with place.db.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert (await place.client.get("/readyz")).status_code == 200


async def test_database_that_is_gone_is_not_ready(sqlite: Database) -> None:
    assert sqlite.path
    async with opened(sqlite) as place:
        aside = sqlite.path.rename(sqlite.path.with_name("elsewhere.db"))
        answer = await place.client.get("/readyz")
        aside.rename(sqlite.path)
    assert (answer.status_code, answer.json()["faults"]) == (503, ["the database file is gone"])


async def test_new_rankings_of_one_network_are_limited_and_cached_ones_free(db: Database) -> None:
    async with opened(db, limits=Limits(previews_minute=2)) as place:
        asked = ["bees", "bees", "stars", "bees", "wasps", "stars"]
        pages = [await place.client.get(f"/preview?part=1&topics={words}") for words in asked]
        assert [page.status_code for page in pages] == [200, 200, 200, 200, 429, 200]
        assert "Wait a little" in pages[4].text


async def test_what_a_full_mail_leaves_out_is_not_below_the_cut(place: Place) -> None:
    numbers = range(1, 15)
    await announce(place.db, *(make_paper(n, title=f"Honey {n}", abstract="Bees.") for n in numbers))
    page = await place.client.get("/preview?part=1&topics=honey")
    assert "More that matched" in page.text
    assert "The nearest, below the cut" not in page.text


async def test_poor_day_shows_what_came_near(place: Place) -> None:
    await announce(place.db, make_paper(1, title="Bees", abstract="Honey."), make_paper(2, title="Stars"))
    page = await place.client.get("/preview?part=1&topics=honey+production+in+cold+alpine+winter+valleys")
    assert "Nothing for you" in page.text
    assert "words of a title that you would click" in page.text
    assert "The nearest, below the cut" in page.text


async def test_pages_may_live_below_a_path(db: Database) -> None:
    async with opened(db, base="https://papers.dev/digest") as place:
        for path in ("/", "/trending", "/search?q=x", "/link", "/none"):
            page = await place.client.get(path)
            found = re.findall(r'(?:href|action|src|data-live)="(/[^"]*)"', page.text)
            assert found
            assert [url for url in found if not url.startswith("/digest/")] == []
            assert page.headers["strict-transport-security"]
        headers = {"Origin": "https://papers.dev.evil.example"}
        assert (await place.client.post("/preview", headers=headers)).status_code == 403
