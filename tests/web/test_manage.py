"""The settings: seen and changed by the signed link alone, saved only when asked, and gone when wished."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from digest.models import SubscriberStatus
from digest.storage import addresses, subscribers, suppressions
from tests.make import NOW, make_paper, make_topic
from tests.pipeline.steps import announce, reload
from tests.web.conftest import BASE, Place
from tests.web.steps import active, letters, reader_of, words


def path_of(place: Place, reader_id: int) -> str:
    return (place.links.manage(reader_id, place.now) or "").removeprefix(BASE)


def fields_of(page: str) -> dict[str, str]:
    """The fields of the form as a browser would send them."""
    form = page[page.index('id="choices"') : page.index("<h2>The rest")]
    found = dict(re.findall(r'<input[^>]*?name="([\w-]+)"[^>]*?value="([^"]*)"', form))
    found |= dict(re.findall(r'<textarea[^>]*?name="([\w-]+)"[^>]*>([^<]*)<', form))
    for name in re.findall(r'type="checkbox" name="([\w-]+)" value="1">', form):
        found.pop(name, None)
    for name, options in re.findall(r'<select[^>]*?name="(\w+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        found[name] = (chosen[1] if chosen and chosen[1] is not None else chosen[2]) if chosen else ""
    found.pop("action", None)
    return found


async def fill(place: Place, path: str, **changed: str) -> str:
    fields = fields_of((await place.client.get(path)).text) | changed
    page = await place.client.post(path, data=fields)
    return page.text if page.status_code != 303 else "saved"


async def test_saving_without_a_change_changes_nothing(place: Place) -> None:
    topic = make_topic(
        "bees", about="bees, wasps", keywords=("hive", "C++"), authors=("Ada Lovelace",), weight=1.5
    )
    later = place.now + timedelta(days=9)
    reader = await active(
        place, topics=(topic, make_topic("stars")), cut=42.0, next_issue_at=later, last_pass=1
    )
    assert await fill(place, path_of(place, reader.id)) == "saved"
    after = await reload(place.db, reader)
    assert (after.topics, after.cut, after.schedule) == (reader.topics, reader.cut, reader.schedule)


async def test_choices_are_saved(place: Place) -> None:
    reader = await active(place)
    path = path_of(place, reader.id)
    changed = {"t0-keywords": "one, two", "t0-liked": "2312.11825 10.1101/2024.01.01.1", "max_papers": "5"}
    await fill(place, path, **changed, days="friday", at="18:15", zone="Asia/Kolkata", revisions="1")
    after = await reload(place.db, reader)
    assert after.topics[0].keywords == ("one", "two")
    assert after.topics[0].liked == ("2312.11825", "10.1101/2024.01.01.1")
    assert (after.max_papers, after.revisions, after.schedule.weekdays) == (5, True, (4,))


async def test_topics_are_added_moved_and_removed_only_when_saved(place: Place) -> None:
    reader = await active(place, topics=(make_topic("bees"), make_topic("stars")))
    path = path_of(place, reader.id)
    for action in ("down-0", "remove-1", "add", "preview"):
        assert "Not saved yet" in await fill(place, path, action=action)
    moved = fields_of(await fill(place, path, action="down-0"))
    await place.client.post(path, data=moved)
    assert [topic.name for topic in (await reload(place.db, reader)).topics] == ["stars", "bees"]


async def test_preview_follows_unsaved_choices(place: Place) -> None:
    reader = await active(place, topics=(make_topic("bees"),))
    await announce(place.db, make_paper(1, title="Dancing bees"), make_paper(2, title="Black holes"))
    page = await fill(place, path_of(place, reader.id), **{"t0-name": "black holes", "action": "preview"})
    assert "Black holes</a>" in page
    assert (await reload(place.db, reader)).topics[0].name == "bees"


async def test_preview_of_choices_names_words_that_no_paper_holds(place: Place) -> None:
    reader = await active(place, topics=(make_topic("bees"),))
    await announce(place.db, make_paper(1, title="Dancing bees"))
    page = await fill(place, path_of(place, reader.id), **{"t0-name": "black hoels", "action": "preview"})
    assert "no paper says “hoels”; is it spelled so?" in page


async def test_papers_of_a_week_are_not_called_those_of_today(place: Place) -> None:
    number = await announce(place.db, make_paper(1, title="Dancing bees"))
    reader = await active(place, topics=(make_topic("bees"),))
    async with place.db.write() as conn:
        await subscribers.move_on(conn, [{"b_id": reader.id, "next_issue_at": NOW, "last_pass": number}])
    page = await fill(place, path_of(place, reader.id), action="preview")
    assert re.findall(r'id="outcome">(.*?)<', page) == ["1 new paper for you in the last seven days."]
    assert "today" not in page.partition("the last seven days would bring")[2].partition("</p>")[0]


async def test_script_gets_the_preview_alone(place: Place) -> None:
    reader = await active(place)
    path = path_of(place, reader.id)
    fields = fields_of((await place.client.get(path)).text) | {"action": "preview"}
    part = await place.client.post(path, data=fields, headers={"X-Part": "1"})
    assert "<html" not in part.text
    assert "Your next mail" in part.text


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("cut", "many", "whole number from 0 to 100"),
        ("max_papers", "0", "from 1 to 200"),
        ("t0-weight", "-1", "above 0"),
        ("t0-liked", "2312.11825 foo", "neither an arXiv id nor a DOI"),
        ("t0-name", "the", "no word to rank by"),
        ("pause", "tomorrow", "a day such as"),
        ("zone", "Nowhere", "is not a time zone"),
        ("paste", "0000-0002-1825-0097", "an ORCID iD alone"),
    ],
)
async def test_fault_is_told_and_nothing_is_saved(place: Place, field: str, value: str, told: str) -> None:
    reader = await active(place)
    extra = {"action": "paste"} if field == "paste" else {}
    page = await fill(place, path_of(place, reader.id), **{field: value} | extra)
    assert told.lower() in page.lower()
    assert (await reload(place.db, reader)).topics == reader.topics


async def test_pause_puts_the_next_issue_off(place: Place) -> None:
    reader = await active(place, last_pass=1)
    await fill(place, path_of(place, reader.id), pause="2026-05-01")
    after = await reload(place.db, reader)
    assert after.pause_until == datetime(2026, 5, 1, tzinfo=UTC)
    assert after.next_issue_at
    assert after.next_issue_at >= after.pause_until


async def test_bibliography_becomes_a_topic(place: Place) -> None:
    reader = await active(place)
    pasted = "@article{a, title={Dancing {B}ees}, eprint={2312.11825}, doi={10.1000/ABC}}"
    page = await fill(place, path_of(place, reader.id), action="paste", paste=pasted)
    assert "2312.11825 10.1000/abc" in page
    assert "Dancing Bees" in page


async def test_address_moves_when_both_agreed(place: Place) -> None:
    reader = await active(place)
    await place.client.post(f"{path_of(place, reader.id)}/address", data={"email": "new@papers.dev"})
    first, second = await letters(place)
    assert {first.email, second.email} == {reader.email, "new@papers.dev"}
    for letter in (first, second):
        side = int(letter.letter == "change-new")
        path = (place.links.change(letter.about or 0, side) or "").removeprefix(BASE)
        assert (await reload(place.db, reader)).email == reader.email
        await place.client.get(path)
        await place.client.post(path)
        await place.client.post(path)
    assert (await reload(place.db, reader)).email == "new@papers.dev"


async def test_address_of_somebody_else_is_not_taken(place: Place) -> None:
    reader, other = await active(place, 1), await active(place, 2)
    async with place.db.write() as conn:
        change_id = await addresses.record(conn, reader.id, other.email, place.now)
    for side in (0, 1):
        page = await place.client.post((place.links.change(change_id, side) or "").removeprefix(BASE))
    assert page.status_code == 410
    assert (await reload(place.db, reader)).email == reader.email


async def test_export_holds_everything_and_no_token(place: Place) -> None:
    reader = await active(place)
    page = await place.client.get(f"{path_of(place, reader.id)}/export")
    data = json.loads(page.text)
    assert (data["email"], data["topics"][0]["name"]) == (reader.email, "language models")
    assert reader.token not in page.text


async def test_delete_asks_and_then_leaves_a_hash(place: Place) -> None:
    reader = await active(place)
    path = f"{path_of(place, reader.id)}/delete"
    assert "no way back" in words(await place.client.get(path))
    assert await reader_of(place, reader.email)
    await place.client.post(path)
    assert await reader_of(place, reader.email) is None
    async with place.db.read() as conn:
        assert await suppressions.suppressed_for(conn, reader.email) == "forgotten"
    assert (await place.client.get(path)).status_code == 404


async def test_paused_reader_can_resume(place: Place) -> None:
    reader = await active(place, status=SubscriberStatus.PAUSED, next_issue_at=None)
    path = path_of(place, reader.id)
    assert "Your mails are paused" in (await place.client.get(path)).text
    await place.client.post(path, data={"action": "resume"})
    assert (await reload(place.db, reader)).status is SubscriberStatus.ACTIVE


async def test_link_expires_after_ninety_days(place: Place) -> None:
    reader = await active(place)
    path = path_of(place, reader.id)
    place.pass_time(days=91)
    page = await place.client.get(path)
    assert page.status_code == 404
    assert "has expired" in words(page)


async def test_settings_are_stored_by_nobody_else(place: Place) -> None:
    reader = await active(place)
    page = await place.client.get(path_of(place, reader.id))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
