"""Issues online, votes and feeds: private by their link, and a vote needs a press."""

from xml.etree import ElementTree

import pytest

from digest.models import Issue, Subscriber
from digest.pipeline import voting
from digest.pipeline.compose import compose
from digest.storage import trending
from tests.make import make_paper, make_topic
from tests.pipeline.steps import announce, at, issue_of, reload
from tests.web.conftest import BASE, Place
from tests.web.steps import active, words

ATOM = {"a": "http://www.w3.org/2005/Atom"}


async def mailed(place: Place) -> tuple[Subscriber, Issue, str]:
    """A reader with one issue, and the token of its links."""
    reader = await active(place, topics=(make_topic("bees"), make_topic("black holes")), trending=1)
    await announce(
        place.db,
        make_paper(1, title="Dancing bees", abstract="Bees & hives."),
        make_paper(2, title="Black holes", votes=3),
        make_paper(3, title="Weather", votes=9),
    )
    await compose(place.db, clock=at(place.now))
    issue = await issue_of(place.db, reader)
    assert issue
    return reader, issue, place.links.reader(reader.id, issue.id or 0)


async def test_issue_is_read_online_with_citations(place: Place) -> None:
    _, _, token = await mailed(place)
    page = await place.client.get(f"/issue/{token}")
    assert "Dancing bees" in page.text
    assert "More like this" in page.text
    assert "2 of 3 new papers for you." in page.text  # of its day, not of today
    assert "@" in (await place.client.get(f"/issue/{token}/papers.bib")).text
    assert "TY  -" in (await place.client.get(f"/issue/{token}/papers.ris")).text
    assert (await place.client.get(f"/issue/{token}/papers.exe")).status_code == 404


async def test_issue_online_goes_topic_by_topic_as_its_mail(place: Place) -> None:
    reader = await active(place, topics=(make_topic("bees"), make_topic("black holes")), cut=0.0)
    titles = ("Black holes", "Weather beside black holes and their stars", "Dancing bees")
    await announce(place.db, *(make_paper(n, title=title, abstract="") for n, title in enumerate(titles, 1)))
    await compose(place.db, clock=at(place.now))
    issue = await issue_of(place.db, reader)
    assert issue
    assert [match.topic for match in issue.shown] == ["black holes", "bees", "black holes"]
    page = (await place.client.get(f"/issue/{place.links.reader(reader.id, issue.id or 0)}")).text
    places = [page.index(one) for one in ('">black holes</h2>', *titles[:2], '">bees</h2>', titles[2])]
    assert places == sorted(places)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_at_a_vote_does_not_count(place: Place, method: str) -> None:
    _, _, token = await mailed(place)
    await place.client.request(method, f"/vote/{token}?like=arxiv:2604.00001")
    async with place.db.read() as conn:
        assert await trending.votes_here(conn, ["arxiv:2604.00001"]) == {}


async def test_vote_counts_once_and_the_last_counts(place: Place) -> None:
    _, _, token = await mailed(place)
    for verb in ("like", "like", "dislike", "like"):
        await place.client.post(f"/vote/{token}", data={verb: "arxiv:2604.00001"})
    async with place.db.read() as conn:
        assert await trending.votes_here(conn, ["arxiv:2604.00001"]) == {"arxiv:2604.00001": 1}


async def test_vote_teaches_the_topic_of_the_paper(place: Place) -> None:
    reader, _, token = await mailed(place)
    page = await place.client.post(f"/vote/{token}", data={"like": "arxiv:2604.00001"})
    assert "under “bees”" in words(page)
    bees, holes = (await reload(place.db, reader)).topics
    assert (bees.liked, holes.liked) == (("2604.00001",), ())
    await place.client.post(f"/vote/{token}", data={"neither": "arxiv:2604.00001"})
    assert (await reload(place.db, reader)).topics[0].liked == ()


async def test_vote_counts_in_the_next_ranking_and_its_reasons(place: Place) -> None:
    reader, _, token = await mailed(place)
    await place.client.post(f"/vote/{token}", data={"like": "arxiv:2604.00001"})
    await announce(place.db, make_paper(4, title="Hives of dancing bees"), when=place.now)
    taught = await reload(place.db, reader)
    found = await place.app.state.front.catalogue.issue(taught, place.now)
    assert any(reason.startswith("you liked “") for reason in found.issue.shown[0].because)


async def test_vote_for_a_trending_paper_is_the_public_one(place: Place) -> None:
    reader, _, token = await mailed(place)
    page = await place.client.post(f"/vote/{token}", data={"like": "arxiv:2604.00003"})
    assert "among the trending papers" in words(page)
    assert all(not topic.liked for topic in (await reload(place.db, reader)).topics)


async def test_votes_here_move_the_trending_list(place: Place) -> None:
    await mailed(place)
    await announce(place.db, make_paper(8, title="Unvoted"))
    before = (await place.client.get("/trending")).text
    assert before.index("Black holes") < before.index("Dancing bees")
    for number in range(5, 10):
        other = await active(place, number)
        async with place.db.write() as conn:
            await voting.count(conn, other.id, "arxiv:2604.00001", 1, place.now)
    await place.app.state.front.catalogue.fresh()
    after = (await place.client.get("/trending?period=week")).text
    assert after.index("Dancing bees") < after.index("Black holes")
    assert "5 votes</span> here" in after


@pytest.mark.parametrize("query", ["", "?like=", "?like=arxiv:9999.99999", "?like=%00", "?other=1"])
async def test_vote_for_no_paper_of_the_mail_is_refused(place: Place, query: str) -> None:
    _, _, token = await mailed(place)
    assert (await place.client.get(f"/vote/{token}{query}")).status_code == 404


async def test_private_feed_holds_what_was_mailed(place: Place) -> None:
    reader, _, _ = await mailed(place)
    path = (place.links.feed(reader.id) or "").removeprefix(BASE)
    feed = ElementTree.fromstring((await place.client.get(path)).content)
    titles = [title.text for title in feed.findall("a:entry/a:title", ATOM)]
    assert set(titles) == {"Dancing bees", "Black holes", "Weather"}


async def test_public_feed_is_atom_also_for_hostile_titles(place: Place) -> None:
    hostile = make_paper(1, title="a ]]> <b>\x0b&amp; \ufffe x", abstract="A secret", open=False)
    await announce(place.db, hostile)
    answer = await place.client.get("/trending.atom")
    assert len(ElementTree.fromstring(answer.content).findall("a:entry", ATOM)) == 1
    assert "A secret" not in answer.text
