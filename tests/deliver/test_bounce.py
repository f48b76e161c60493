"""Mails that come back: what they say, and what the ledger makes of them."""

import asyncio
import hashlib
import hmac
import json
import smtplib
from base64 import b64encode
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from digest.deliver import bounce, hooks, verp
from digest.deliver.bounce import Kind
from digest.deliver.score import verdict
from digest.models import DeliveryKind, Outcome, Verdict
from digest.pipeline.bounces import Taken, listen_lmtp, take, take_mail
from digest.storage import bounces, tables
from digest.storage.database import Database
from digest.storage.outbox import enqueue
from digest.storage.tables import deliveries, strays, subscribers
from tests.deliver.letters import COMPLAINT, HOLIDAY, LEAVING, QMAIL, report, wire
from tests.deliver.scene import ScriptedTransport, add_readers, run
from tests.make import NOW

KEYS = ("new-key", "old-key")
ORIGINAL = "<1.digest@papers.dev>"


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


def test_a_return_path_names_its_delivery_whatever_case_and_key() -> None:
    path = verp.return_path("bounces@papers.dev", 42, "old-key")
    assert path.startswith("bounces+42.")
    assert verp.read(path.upper(), KEYS) == 42
    assert verp.read(path, ("other-key",)) is None


def test_a_report_to_a_rewritten_sender_names_its_delivery_by_the_envelope_id() -> None:
    known = verp.envelope_id(verp.return_path("bounces@papers.dev", 42, "new-key"))
    given_back = b"Original-Envelope-Id: %b\r\nReporting-MTA:" % known.encode()
    raw = report("srs0=x=papers.dev=bounces@relay.dev").replace(b"Reporting-MTA:", given_back, 1)
    assert bounce.read(raw, KEYS).delivery_id == 42
    assert bounce.read(raw.replace(b"Id: 42", b"Id: 43"), KEYS).delivery_id is None


@pytest.mark.parametrize("place", [8, 9, 12, 20, 27])
def test_an_altered_return_path_names_nothing(place: int) -> None:
    path = verp.return_path("bounces@papers.dev", 42, "new-key")
    letter = "3" if path[place] != "3" else "4"
    assert verp.read(path[:place] + letter + path[place + 1 :], KEYS) is None


READINGS: list[tuple[bytes, Kind, str]] = [
    (report(), Kind.HARD, "5.1.1"),
    (report(status="5.2.2", words="552 5.2.2 mailbox full"), Kind.SOFT, "5.2.2"),
    (report(status="5.7.1", words="550 5.7.1 blocked"), Kind.SOFT, "5.7.1"),
    (report(status="5.1.8", words="550 5.1.8 bad sender"), Kind.SOFT, "5.1.8"),
    (report(status="4.4.1", action="delayed"), Kind.DELAYED, ""),
    (report(status="2.0.0", action="delivered"), Kind.DELAYED, ""),
    (wire(QMAIL.format(to="b@papers.dev", unique="2", original=ORIGINAL)), Kind.HARD, "5.1.1"),
    (wire(COMPLAINT.format(to="b@papers.dev", unique="3", original=ORIGINAL)), Kind.COMPLAINT, ""),
    (wire(HOLIDAY.format(to="b@papers.dev", unique="4")), Kind.AUTO_REPLY, ""),
    (b"Subject: hello\r\n\r\nWho are you?\r\n", Kind.UNKNOWN, ""),
    (b"", Kind.UNKNOWN, ""),
]


@pytest.mark.parametrize(("raw", "kind", "status"), READINGS)
def test_each_kind_of_mail_is_recognised(raw: bytes, kind: Kind, status: str) -> None:
    reading = bounce.read(raw, KEYS)
    assert (reading.kind, reading.status) == (kind, status)


@pytest.mark.parametrize("raw", [report(), READINGS[6][0], READINGS[7][0]])
def test_the_mail_that_came_back_is_named(raw: bytes) -> None:
    assert bounce.read(raw, KEYS).message_id == ORIGINAL


def test_the_signed_return_path_is_found_where_the_mail_was_delivered() -> None:
    path = verp.return_path("bounces@papers.dev", 7, "new-key")
    assert bounce.read(report(path), KEYS).delivery_id == 7


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 1200))
def test_no_mail_breaks_the_reader(noise: bytes, place: int) -> None:
    raw = report()
    assert bounce.read(raw[:place] + noise + raw[place:], KEYS).kind in Kind
    assert bounce.read(noise, KEYS).kind in Kind


H, S, C = Kind.HARD, Kind.SOFT, Kind.COMPLAINT


@pytest.mark.parametrize(
    ("history", "stayed", "reason"),
    [
        ([(H, 0)], None, "hard bounce"),  # nothing ever arrived there
        ([(H, 0)], -5, None),
        ([(H, 0), (H, 0.1)], -5, None),  # one day, one point
        ([(H, 0), (H, 1)], -5, "hard bounce"),
        ([(H, 0), (H, 3)], 2, None),  # a mail stayed in between
        ([(H, 0), (H, 9)], -5, None),  # a quiet week in between
        ([(S, n) for n in range(4)], -5, None),
        ([(S, n) for n in range(5)], -5, "soft bounces"),
        ([(S, n / 10) for n in range(5)], -5, None),
        ([(C, 0)], 1, "complaint"),
    ],
)
def test_what_stops_mails_to_an_address(
    history: list[tuple[Kind, float]], stayed: float | None, reason: str | None
) -> None:
    bounces = [(kind, days(at)) for kind, at in history]
    at = None if stayed is None else days(stayed)
    assert verdict(bounces, stayed_at=at, ever_stayed=stayed is not None) == reason


async def statuses(db: Database) -> list[str]:
    async with db.read() as conn:
        return list(await conn.scalars(select(subscribers.c.status).order_by(subscribers.c.id)))


async def test_an_unknown_reader_is_suppressed_by_the_report_and_only_once(db: Database) -> None:
    await add_readers(db, 2)
    await run(db, ScriptedTransport())
    raw = report(verp.return_path("bounces@papers.dev", 1, "new-key"), original="<other@papers.dev>")
    taken = [await take_mail(db, raw, keys=KEYS, now=days(0.1)) for _ in range(2)]
    assert taken == [Taken.SUPPRESSED, Taken.IGNORED]
    assert await statuses(db) == ["suppressed", "active"]


async def test_a_report_without_signature_is_matched_by_message_id_alone(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    stranger = report(original="<forged@papers.dev>")
    assert await take_mail(db, stranger, keys=KEYS, now=NOW) is Taken.UNKNOWN
    assert await take_mail(db, report(unique="2"), keys=KEYS, now=NOW) is Taken.SUPPRESSED


async def test_a_full_mailbox_is_only_recorded(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    soft = report(status="5.2.2", words="552 5.2.2 full")
    assert await take_mail(db, soft, keys=KEYS, now=days(0.1)) is Taken.RECORDED
    assert await statuses(db) == ["active"]
    async with db.read() as conn:
        hashed = await conn.scalar(select(deliveries.c.address_hash))
        assert [kind for kind, _ in await bounces.history(conn, str(hashed))] == ["soft"]


async def test_a_complaint_stops_for_ever(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    complaint = wire(COMPLAINT.format(to="b@papers.dev", unique="3", original=ORIGINAL))
    assert await take_mail(db, complaint, keys=KEYS, now=days(3)) is Taken.SUPPRESSED
    assert await statuses(db) == ["suppressed"]


async def test_a_mail_that_stayed_clears_older_bounces(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    async with db.write() as conn:
        row = (await conn.execute(select(deliveries))).one()
        assert await bounces.stayed(conn, row.address_hash, days(2)) is not None
        await conn.execute(update(deliveries).values(state="failed"))
        assert await bounces.stayed(conn, row.address_hash, days(2)) is None


async def test_unsubscribing_by_mail_works(db: Database) -> None:
    await add_readers(db, 1)
    async with db.write() as conn:
        await conn.execute(update(subscribers).values(token="t0ken_of-the-reader-1"))
    letter = wire(LEAVING.format(unique="1", token="t0ken_of-the-reader-1"))
    assert await take_mail(db, letter, keys=KEYS, now=NOW) is Taken.UNSUBSCRIBED
    assert await statuses(db) == ["unsubscribed"]


async def test_the_listener_says_taken_after_the_commit_and_keeps_strays(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    server = await listen_lmtp(db, "127.0.0.1:0", keys=KEYS, clock=lambda: NOW)
    port = server.sockets[0].getsockname()[1]
    path = verp.return_path("bounces@papers.dev", 1, "old-key")
    words = QMAIL.format(to="b@papers.dev", unique="9", original=ORIGINAL)
    automatic = b"Auto-Submitted: auto-replied\r\n" + wire(words)

    def hand_over() -> None:
        with smtplib.LMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("", [path], report(original="<x@papers.dev>"))
            client.sendmail("", ["bounces@papers.dev"], b"Subject: hello\r\n\r\n.dot\r\n")
            client.sendmail("", [path], automatic.replace(b"Return-Path: <>\r\n", b""))

    await asyncio.to_thread(hand_over)
    server.close()
    await server.wait_closed()
    assert await statuses(db) == ["suppressed"]
    async with db.read() as conn:
        assert (await conn.execute(select(strays.c.raw))).scalar() == b"Subject: hello\r\n\r\n.dot\r\n"
        assert await conn.scalar(select(func.count()).select_from(tables.bounces)) == 2


def test_a_webhook_is_believed_only_with_its_signature() -> None:
    body = b'{"event": "bounce"}'
    signature = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert hooks.is_signed(body, signature, "secret")
    assert not hooks.is_signed(body + b" ", signature, "secret")
    assert not hooks.is_signed(body, "sha256=é", "secret")


@pytest.mark.parametrize(
    ("said", "kind"),
    [("fraud", Kind.COMPLAINT), ("not-spam", Kind.AUTO_REPLY), ("auth-failure", Kind.UNKNOWN)],
)
def test_only_what_a_reader_complains_about_is_a_complaint(said: str, kind: Kind) -> None:
    raw = wire(COMPLAINT.format(to="b@papers.dev", unique="3", original=ORIGINAL))
    assert bounce.read(raw.replace(b"abuse\r\n", said.encode() + b"\r\n"), ()).kind is kind


async def bounce_softly(db: Database, day: float, number: int = 1) -> Taken:
    """A mail comes back: the mailbox is full."""
    path = verp.return_path("bounces@papers.dev", number, "new-key")
    full = report(to=path, status="5.2.2", words=f"552 5.2.2 full on day {day}")
    return await take_mail(db, full, keys=KEYS, now=days(day))


async def test_a_letter_asks_before_soft_bounces_stop_a_reader(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    taken = [await bounce_softly(db, day) for day in range(5)]
    transport = ScriptedTransport()
    await run(db, transport, clock=lambda: days(5))
    assert (set(taken), transport.recipients) == ({Taken.RECORDED}, ["reader0@papers.dev"])
    assert await bounce_softly(db, 5.1, number=2) is Taken.SUPPRESSED


async def test_a_letter_that_stays_ends_the_doubt_about_an_address(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    for day in range(5):
        await bounce_softly(db, day)
    await run(db, ScriptedTransport(), clock=lambda: days(4.1))
    assert await bounce_softly(db, 7) is Taken.RECORDED


@pytest.mark.parametrize("first_day", [0, 1])
async def test_an_address_that_took_mail_is_given_up_at_the_second_day(db: Database, first_day: int) -> None:
    """One that never took any, at once."""
    no = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=550, enhanced="5.1.1", reply="5.1.1 unknown")
    await add_readers(db, 1)
    found = []
    for day in range(3):
        script = {"reader0@papers.dev": no} if day >= first_day else {}
        await run(db, ScriptedTransport(script), clock=partial(days, day))
        found += await statuses(db)
        async with db.write() as conn:
            await enqueue(conn, email="reader0@papers.dev", subscriber_id=1, **tomorrow(day))
    assert found == (["suppressed"] * 3 if first_day == 0 else ["active", "active", "suppressed"])


async def test_who_left_is_not_asked_whether_mail_arrives(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    for day in range(5):
        await bounce_softly(db, day)
        if day == 3:
            async with db.write() as conn:
                await conn.execute(update(subscribers).values(status="unsubscribed"))
    transport = ScriptedTransport()
    await run(db, transport, clock=lambda: days(5))
    assert (transport.recipients, await statuses(db)) == ([], ["unsubscribed"])


async def test_only_the_letter_that_asked_or_a_later_mail_stops_a_reader(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    taken = [await bounce_softly(db, day) for day in (0, 1, 2, 3, 4, 4.2)]
    transport = ScriptedTransport()
    await run(db, transport, clock=lambda: days(5))
    assert ({*taken}, transport.recipients) == ({Taken.RECORDED}, ["reader0@papers.dev"])


@pytest.mark.parametrize("unique", ["20260413120000.1A2B", "1.a\x00b", "9999999999.x"])
async def test_a_message_id_of_others_is_a_stray_and_stops_nothing(db: Database, unique: str) -> None:
    stray = report(original=f"<{unique}@elsewhere.dev>")
    assert await take_mail(db, stray, keys=KEYS, now=NOW) is Taken.UNKNOWN


async def test_a_mailbox_that_refuses_day_after_day_is_asked_and_then_left_alone(db: Database) -> None:
    no = Outcome(verdict=Verdict.REFUSED, stage="rcpt", code=550, reply="mailbox unavailable")
    transport, found = ScriptedTransport({"reader0@papers.dev": no}), []
    await add_readers(db, 1)
    for day in range(6):
        await run(db, transport, clock=partial(days, day))
        found += await statuses(db)
        async with db.write() as conn:
            await enqueue(conn, email="reader0@papers.dev", subscriber_id=1, **tomorrow(day))
    assert found == ["active"] * 5 + ["suppressed"]
    assert len(transport.recipients) == 7  # six days, and the letter that asks


def tomorrow(day: int) -> dict[str, Any]:
    return {"kind": DeliveryKind.NOTICE, "due_at": days(day + 1), "now": days(day + 1)}


SES: dict[str, Any] = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": "ada@papers.dev", "status": "5.1.1", "action": "failed"}],
        "feedbackId": "0100-1",
    },
    "mail": {"messageId": "ses-1", "commonHeaders": {"messageId": ORIGINAL}},
}
STOPPED = {"RecordType": "SubscriptionChange", "SuppressSending": True}
SES_COMPLAINT = {"notificationType": "Complaint", "complaint": {"complaintFeedbackType": "abuse"}}
NAMES = ("1.digest", "1.dig", "2.other")
POSTMARK = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 9, "Metadata": {"message-id": ORIGINAL}}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"event": "bounce", "status": "5.1.1", "message_id": ORIGINAL}, Kind.HARD),
        ({"event": "bounce", "status": "5.7.1", "message_id": "1.digest@papers.dev"}, Kind.SOFT),
        ({"event": "complaint", "message_id": ORIGINAL}, Kind.COMPLAINT),
        (SES, Kind.HARD),
        ({"Type": "Notification", "Message": json.dumps(SES)}, Kind.HARD),
        (SES | {"bounce": {"bounceType": "Transient"}}, Kind.SOFT),
        (POSTMARK, Kind.HARD),
        (POSTMARK | {"RecordType": "SpamComplaint"}, Kind.COMPLAINT),
        (POSTMARK | {"Type": "AutoResponder"}, Kind.AUTO_REPLY),
        (POSTMARK | {"Type": "Transient"}, Kind.DELAYED),
        (POSTMARK | {"Type": "Blocked"}, Kind.SOFT),
        (POSTMARK | STOPPED | {"SuppressionReason": "HardBounce"}, Kind.HARD),
        (POSTMARK | STOPPED | {"SuppressionReason": "ManualSuppression"}, Kind.COMPLAINT),
        (SES | {"mail": {"headers": [{"name": "Message-ID", "value": ORIGINAL}]}}, Kind.HARD),
        (SES | SES_COMPLAINT, Kind.COMPLAINT),
        (SES | SES_COMPLAINT | {"complaint": {"complaintFeedbackType": "not-spam"}}, Kind.AUTO_REPLY),
    ],
)
def test_the_forms_of_providers_are_understood(event: dict[str, Any], kind: Kind) -> None:
    (reading,) = hooks.readings(json.dumps(event).encode(), ())
    assert (reading.kind, reading.message_id) == (kind, ORIGINAL)


def test_ses_names_the_delivery_by_its_envelope_sender_alone() -> None:
    source = verp.return_path("bounces@papers.dev", 7, "key")
    (reading,) = hooks.readings(json.dumps(SES | {"mail": {"source": source}}).encode(), ("key",))
    (forged,) = hooks.readings(json.dumps(SES | {"mail": {"source": source}}).encode(), ("other",))
    assert (reading.delivery_id, forged.delivery_id) == (7, None)


def test_only_postmark_gets_a_field_to_give_back() -> None:
    fields = [hooks.returned_field(host, ORIGINAL) for host in ("smtp.postmarkapp.com", "relay.dev", "")]
    assert fields == [b"X-PM-Metadata-message-id: 1.digest\r\n", b"", b""]


async def test_an_event_of_postmark_finds_the_delivery_without_its_domain(db: Database) -> None:
    await add_readers(db, 2)
    await run(db, ScriptedTransport())
    events = [POSTMARK | {"ID": n, "Metadata": {"message-id": name}} for n, name in enumerate(NAMES)]
    readings = [hooks.readings(json.dumps(event).encode(), ())[0] for event in events]
    taken = [await take(db, reading, now=NOW) for reading in readings]
    assert taken == [Taken.SUPPRESSED, Taken.UNKNOWN, Taken.UNKNOWN]


def test_a_new_subscription_of_sns_is_for_the_operator_to_confirm() -> None:
    body = b'{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.dev/?token=1"}'
    assert hooks.confirmation(body) == "https://sns.dev/?token=1"
    assert (hooks.confirmation(b"{}"), hooks.readings(body, ())) == (None, [])


@pytest.mark.parametrize("body", [b"[]", b"{", b"1", b"\xff"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        hooks.readings(body, ())


def test_other_events_say_nothing() -> None:
    assert hooks.readings(b'{"RecordType": "Open"}', ()) == []


async def test_an_event_of_a_provider_counts_once(db: Database) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    (reading,) = hooks.readings(json.dumps(SES).encode(), ())
    assert [await take(db, reading, now=NOW) for _ in range(2)] == [Taken.SUPPRESSED, Taken.IGNORED]
    async with db.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(tables.bounces)) == 1


BASE64 = b"Content-Transfer-Encoding: base64\r\n"
VACATION = (
    b"Return-Path: <>\r\nAuto-Submitted: auto-replied\r\nSubject: Abwesenheit\r\n\r\nIch bin im Urlaub.\r\n"
)
OLD_VACATION = b"Return-Path: <a@b.dev>\r\nPrecedence: auto_reply\r\nSubject: Absent\r\n\r\nJe reviens.\r\n"


@pytest.mark.parametrize("raw", [VACATION, OLD_VACATION])
def test_an_absence_is_no_bounce_whatever_its_sender(raw: bytes) -> None:
    assert bounce.read(raw, KEYS).kind is Kind.AUTO_REPLY


@pytest.mark.parametrize(
    ("action", "status", "kind", "code"),
    [
        (
            "failed (permanent)",
            "5.1.1 (bad destination mailbox address)",
            "hard",
            "5.1.1",
        ),
        ("Failed", "5.2.2", "soft", "5.2.2"),
        ("failed", "5", "soft", ""),
        ("delayed", "4.4.7", "delayed", ""),
    ],
)
async def test_comments_in_a_report_are_no_part_of_its_codes(
    db: Database, action: str, status: str, kind: str, code: str
) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    raw = report(verp.return_path("b@papers.dev", 1, "new-key"), action=action, status=status, words="x")
    reading = bounce.read(raw, KEYS)
    assert (reading.kind, reading.status) == (kind, code)
    taken = await take_mail(db, raw, keys=KEYS, now=NOW)
    assert taken is {"hard": Taken.SUPPRESSED, "soft": Taken.RECORDED}.get(kind, Taken.IGNORED)


def test_a_report_in_base64_is_read() -> None:
    hidden = report().replace(b"message/delivery-status\r\n", b"message/delivery-status\r\n" + BASE64)
    begin, end = hidden.index(b"Reporting-MTA"), hidden.index(b"--B\r\nContent-Description: Undelivered")
    hidden = hidden[:begin] + b64encode(hidden[begin:end]) + b"\r\n\r\n" + hidden[end:]
    assert (bounce.read(hidden, KEYS).kind, bounce.read(hidden, KEYS).status) == (Kind.HARD, "5.1.1")
