"""Leaving: one press or one request, at once, for ever, and never by a link that was only looked at."""

import pytest

from digest.models import DeliveryKind, SubscriberStatus
from digest.pipeline.compose import compose
from digest.storage import outbox
from tests.make import make_paper
from tests.pipeline.steps import announce, at, reload
from tests.web.conftest import Place
from tests.web.steps import active


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
async def test_one_click_works_in_both_encodings(place: Place, encoding: str) -> None:
    reader = await active(place)
    field = {"List-Unsubscribe": "One-Click"}
    sent = (
        {"data": field} if encoding == "urlencoded" else {"files": {n: (None, v) for n, v in field.items()}}
    )
    answer = await place.client.post(f"/unsubscribe/{reader.token}", **sent)  # type: ignore[arg-type]
    assert (answer.status_code, answer.text) == (200, "unsubscribed\n")
    assert "set-cookie" not in answer.headers
    assert (await reload(place.db, reader)).status is SubscriberStatus.UNSUBSCRIBED


async def test_one_click_is_taken_from_another_site(place: Place) -> None:
    reader = await active(place)
    headers = {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
    await place.client.post(f"/unsubscribe/{reader.token}", headers=headers)
    assert (await reload(place.db, reader)).status is SubscriberStatus.UNSUBSCRIBED


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"--broken"])
async def test_body_that_cannot_be_read_is_no_excuse(place: Place, body: bytes) -> None:
    reader = await active(place)
    headers = {"Content-Type": "multipart/form-data"}
    answer = await place.client.post(f"/unsubscribe/{reader.token}", content=body, headers=headers)
    assert answer.status_code == 200
    assert (await reload(place.db, reader)).status is SubscriberStatus.UNSUBSCRIBED


async def test_known_and_unknown_tokens_get_the_same_answer(place: Place) -> None:
    reader = await active(place)
    field = {"List-Unsubscribe": "One-Click"}
    answers = [
        await place.client.post(f"/unsubscribe/{token}", data=field) for token in (reader.token, "none")
    ]
    assert answers[0].text == answers[1].text
    assert answers[0].headers.keys() == answers[1].headers.keys()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_looking_at_the_link_changes_nothing(place: Place, method: str) -> None:
    reader = await active(place)
    await place.client.request(method, f"/unsubscribe/{reader.token}")
    assert (await reload(place.db, reader)).status is SubscriberStatus.ACTIVE


async def test_what_waits_in_the_outbox_does_not_go_out(place: Place) -> None:
    reader = await active(place)
    await announce(place.db, make_paper(1, title="Language models"))
    await compose(place.db, clock=at(place.now))
    await place.client.post(f"/unsubscribe/{reader.token}")
    async with place.db.write() as conn:
        claim = await outbox.claim(conn, worker="w", now=place.now, limit=9)
    assert claim.ready == ()


async def test_leaving_twice_is_leaving(place: Place) -> None:
    reader = await active(place)
    for _ in range(2):
        assert (await place.client.post(f"/unsubscribe/{reader.token}")).status_code == 200
    assert (await reload(place.db, reader)).next_issue_at is None


async def test_letter_to_the_forgotten_leaves_the_outbox_only_to_confirm(place: Place) -> None:
    from digest.storage import asks, suppressions

    async with place.db.write() as conn:
        await suppressions.suppress(conn, "a@papers.dev", "forgotten", place.now)
        await asks.post(conn, "confirm", "a@papers.dev", kind=DeliveryKind.CONFIRMATION, now=place.now)
        await asks.post(conn, "link", "a@papers.dev", kind=DeliveryKind.NOTICE, now=place.now)
        claim = await outbox.claim(conn, worker="w", now=place.now, limit=9)
    assert [delivery.letter for delivery in claim.ready] == ["confirm"]
