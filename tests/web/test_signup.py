"""Double opt-in: nobody is subscribed by anybody but the owner of the address."""

from datetime import timedelta
from pathlib import Path

import pytest

from digest.config import Listed
from digest.models import DeliveryKind, SubscriberStatus
from digest.pipeline import epoch, reach, signup
from digest.pipeline.compose import compose
from digest.pipeline.intake import import_listed
from digest.storage import asks, counters, facts, suppressions
from digest.storage.database import Database
from digest.web.signup import is_proven
from tests.make import make_paper, make_subscriber
from tests.pipeline.steps import announce, at
from tests.web.conftest import Place, opened
from tests.web.steps import ADDRESS, active, letters, open_letter, reader_of, sign_up, signed_up, words


async def test_form_sends_one_letter_and_subscribes_nobody(place: Place) -> None:
    await sign_up(place)
    [letter] = await letters(place)
    assert (letter.kind, letter.letter, letter.email) == (DeliveryKind.CONFIRMATION, "confirm", ADDRESS)
    reader = await reader_of(place)
    assert reader
    assert (reader.status, reader.next_issue_at) == (SubscriberStatus.PENDING, None)
    assert place.woken


async def test_letters_beyond_ascii_are_taken_where_the_mail_server_carries_them(place: Place) -> None:
    await reach.learn(place.db, True, place.now)
    assert (await sign_up(place, email="jürgen@bücher.dev")).status_code == 200
    await reach.learn(place.db, False, place.now)
    assert (await sign_up(place, email="jörg@bücher.dev")).status_code == 422
    assert [letter.email for letter in await letters(place)] == ["jürgen@bücher.dev"]


async def test_opening_the_letter_changes_nothing(place: Place) -> None:
    await sign_up(place)
    page = await place.client.get(await open_letter(place))
    assert "Confirm my subscription" in page.text
    reader = await reader_of(place)
    assert reader
    assert reader.status is SubscriberStatus.PENDING


async def test_press_makes_the_reader_active_and_due_at_once(place: Place) -> None:
    reader = await signed_up(place, topics="language models\nbees")
    assert reader.status is SubscriberStatus.ACTIVE
    assert [topic.name for topic in reader.topics] == ["language models", "bees"]
    assert reader.next_issue_at == place.now
    assert reader.schedule.zone == "Europe/Berlin"


async def test_first_mail_waits_for_the_schedule_if_wished(place: Place) -> None:
    await sign_up(place)
    path = await open_letter(place)
    assert (await place.client.post(path)).status_code == 200
    reader = await signed_up(place, "eve@papers.dev", **{"welcome": ""})
    assert reader.next_issue_at


async def test_second_press_says_already(place: Place) -> None:
    await sign_up(place)
    path = await open_letter(place)
    await place.client.post(path)
    page = await place.client.post(path)
    assert "You are subscribed already" in words(page)


async def test_press_after_leaving_does_not_bring_back(place: Place) -> None:
    await sign_up(place)
    path = await open_letter(place)
    await place.client.post(path)
    reader = await reader_of(place)
    assert reader
    await place.client.post(f"/unsubscribe/{reader.token}")
    page = await place.client.post(path)
    assert page.status_code == 410
    back = await reader_of(place)
    assert back
    assert back.status is SubscriberStatus.UNSUBSCRIBED


async def test_fresh_opt_in_brings_an_unsubscribed_reader_back(place: Place) -> None:
    reader = await active(place, 1, email=ADDRESS)
    await place.client.post(f"/unsubscribe/{reader.token}")
    place.pass_time(hours=3)
    back = await signed_up(place, topics="bees")
    assert (back.id, back.status) == (reader.id, SubscriberStatus.ACTIVE)
    assert [topic.name for topic in back.topics] == ["bees"]


@pytest.mark.parametrize("reason", ["hard bounce", "complaint", "refused"])
async def test_suppressed_address_gets_no_letter(place: Place, reason: str) -> None:
    async with place.db.write() as conn:
        await suppressions.suppress(conn, ADDRESS, reason, place.now)
    await sign_up(place)
    assert await letters(place) == []


async def test_forgotten_address_may_sign_up_anew(place: Place) -> None:
    async with place.db.write() as conn:
        await suppressions.suppress(conn, ADDRESS, "forgotten", place.now)
    place.pass_time(minutes=1)
    reader = await signed_up(place)
    assert reader.status is SubscriberStatus.ACTIVE


async def test_every_address_gets_the_same_answer(place: Place) -> None:
    await active(place, 1, email="active@papers.dev")
    async with place.db.write() as conn:
        await suppressions.suppress(conn, "blocked@papers.dev", "complaint", place.now)
    names = ("new", "new", "active", "blocked")
    answers = [await sign_up(place, f"{name}@papers.dev") for name in names]
    assert len({(page.status_code, page.text) for page in answers}) == 1


async def test_active_reader_is_told_once(place: Place) -> None:
    await active(place, 1, email=ADDRESS)
    await sign_up(place)
    await sign_up(place)
    assert [letter.letter for letter in await letters(place)] == ["already"]


async def test_address_gets_three_letters_a_day_at_most(place: Place) -> None:
    for _ in range(12):
        await sign_up(place)
        place.pass_time(hours=2)
    assert len(await letters(place)) == 3


async def test_network_is_limited(place: Place) -> None:
    answers = [await sign_up(place, f"reader{n}@papers.dev") for n in range(32)]
    assert [page.status_code for page in answers].count(429) == 2


async def test_flood_over_all_addresses_stops(place: Place) -> None:
    limits = signup.Limits(letters_hour=2)
    async with place.db.write() as conn:
        for n in range(4):
            await signup.ask(conn, "link", f"r{n}@papers.dev", wished=None, network="n", now=place.now)
        await counters.add(conn, ["letters", "letters"], place.now)
    assert await signup.answer_asks(place.db, place.now, limits) == 0


async def test_robots_are_thanked_and_ignored(place: Place) -> None:
    page = await sign_up(place, website="https://spam.example")
    assert "Look into your inbox" in page.text
    assert await reader_of(place) is None


@pytest.mark.parametrize("stamp", ["", "forged", "AAAA.BBBB"])
async def test_form_without_its_stamp_must_be_sent_again(place: Place, stamp: str) -> None:
    assert (await sign_up(place, stamp=stamp)).status_code == 422


async def test_form_that_comes_at_once_must_be_sent_again(place: Place) -> None:
    assert (
        await sign_up(place, stamp=place.links.stamp(place.now + timedelta(seconds=4)))
    ).status_code == 422


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("email", "nobody", "is not an e-mail address"),
        ("email", "jürgen@papers.dev", "letters beyond ASCII before the @"),
        ("zone", "Mars/Olympus", "is not a time zone"),
        ("at", "25:99", "hour or minute"),
        ("days", "someday", "is not a schedule"),
        ("topics", "the", "no word to rank by"),
        ("topics", "x" * 400, "too long"),
        ("topics", "\n".join(f"topic {n}" for n in range(30)), "too many"),
    ],
)
async def test_fault_is_told_and_the_form_is_kept(place: Place, field: str, value: str, told: str) -> None:
    page = await sign_up(place, **{field: value})
    assert page.status_code == 422
    assert told in words(page)
    assert await letters(place) == []


async def test_reader_without_topics_gets_trending_papers(place: Place) -> None:
    reader = await signed_up(place, topics="")
    assert (reader.topics, reader.trending) == ((), 10)
    await announce(place.db, make_paper(1, title="Nobody voted on this"))
    assert (await compose(place.db, clock=at(place.now))).composed == 1


async def test_refusal_blocks_the_address(place: Place) -> None:
    await sign_up(place)
    await place.client.post(await open_letter(place), data={"refuse": "1"})
    assert await reader_of(place) is None
    async with place.db.read() as conn:
        assert await suppressions.suppressed_for(conn, ADDRESS) == "refused"


async def test_expired_letter_offers_a_new_one(place: Place) -> None:
    await sign_up(place)
    path = await open_letter(place)
    place.pass_time(hours=49)
    assert (await place.client.get(path)).status_code == 410
    await place.client.post(path)
    await place.client.post(await open_letter(place))
    reader = await reader_of(place)
    assert reader
    assert reader.status is SubscriberStatus.ACTIVE


async def test_who_never_confirms_is_deleted_after_a_week(place: Place) -> None:
    await sign_up(place)
    path = await open_letter(place)
    await signup.tidy(place.db, place.now + timedelta(days=8))
    assert await reader_of(place) is None
    assert (await place.client.get(path)).status_code == 410


async def test_consent_is_on_record_without_the_address(place: Place) -> None:
    await signed_up(place)
    async with place.db.read() as conn:
        [record] = await asks.consents_of(conn, suppressions.address_hash(ADDRESS))
    assert (record["event"], record["network"], record["at"]) == ("confirmed", "192.0.2.0/24", place.now)


async def test_lost_link_comes_by_mail_to_readers_only(place: Place) -> None:
    reader = await active(place, 1, email=ADDRESS)
    answers = [await place.client.post("/link", data={"email": e}) for e in (ADDRESS, "nobody@papers.dev")]
    assert answers[0].text == answers[1].text
    [letter] = await letters(place)
    assert (letter.letter, letter.subscriber_id) == ("link", reader.id)


async def test_forwarded_addresses_of_strangers_do_not_count(place: Place) -> None:
    for n in range(32):
        page = await place.client.post(
            "/link", data={"email": f"r{n}@papers.dev"}, headers={"X-Forwarded-For": f"10.{n}.0.1"}
        )
    assert page.status_code == 429


def solved(stamp: str, bits: int) -> str:
    return next(str(n) for n in range(10**7) if is_proven(stamp, str(n), bits))


async def test_computation_is_asked_for_where_the_operator_wishes(db: Database) -> None:
    async with opened(db, limits=signup.Limits(proof_bits=10)) as place:
        assert 'data-bits="10"' in (await place.client.get("/")).text
        stamp = place.links.stamp(place.now)
        assert (await sign_up(place, stamp=stamp)).status_code == 422
        assert (await sign_up(place, stamp=stamp, proof="x" * 21)).status_code == 422
        assert (await sign_up(place, stamp=stamp, proof=solved(stamp, 10))).status_code == 200
        assert len(await letters(place)) == 1


async def test_operator_who_lists_a_waiting_address_vouches_for_it(db: Database) -> None:
    async with opened(db) as place:
        await sign_up(place)
        wished = make_subscriber(1, email=ADDRESS)
        listed = Listed(subscriber=wished, file_hash="x", path=Path("subscribers.yaml"), line=1)
        await import_listed(place.db, [listed], place.now)
        reader = await reader_of(place)
        assert reader
        assert reader.status is SubscriberStatus.ACTIVE


async def test_held_database_promises_no_letter_and_stores_nothing(db: Database) -> None:
    async with opened(db) as place:
        async with db.write() as conn:
            await facts.keep(conn, epoch.HOME, {"place": {"inode": 0}, "epoch": 3}, place.now)
        page = await sign_up(place)
        assert (page.status_code, "Mails are held" in page.text) == (503, True)
        assert (await place.client.post("/link", data={"email": ADDRESS})).status_code == 503
        assert await letters(place) == []
    async with opened(db, leaves=False) as folder:
        assert (await sign_up(folder)).status_code == 200
