"""An issue waits for today's papers, but never for ever, and says what is missing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from digest.models import SourceKind, SourceState, Subscriber
from digest.pipeline import late
from digest.pipeline.compose import compose
from digest.storage.batches import Batch
from digest.storage.database import Database
from digest.storage.tables import sources, subscribers
from tests.make import make_paper, make_subscriber
from tests.pipeline.steps import announce, at, issue_of, reload, send_all, shown, subscribe

DUE = datetime(2026, 4, 14, 5, 30, tzinfo=UTC)  # a Tuesday, 07:30 in Berlin; arXiv's hour is 04:00 UTC
YESTERDAY = datetime(2026, 4, 13, 4, 10, tzinfo=UTC)
PATIENCE = timedelta(hours=3)

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
kinds = st.sampled_from(list(late.CALENDARS))


def make_batch(name: str = "arxiv:cs.CL", **fields: Any) -> Batch:
    defaults: dict[str, Any] = {
        "family": name.split(":", maxsplit=1)[0],
        "kind": SourceKind.HUGGINGFACE if name == "huggingface" else SourceKind.ARXIV,
        "state": SourceState.FRESH,
        "changed_at": YESTERDAY,
        "last_new_at": YESTERDAY,
    }
    return Batch(name=name, **defaults | fields)


async def source(db: Database, last_new_at: datetime, *, name: str = "arxiv:cs.CL") -> None:
    batch = make_batch(name, last_new_at=last_new_at)
    values = {name: getattr(batch, name) for name in Batch.__dataclass_fields__}
    async with db.write() as conn:
        await conn.execute(insert(sources).values(values | {"url": "", "active": True, "failures": 0}))


async def publish(db: Database, when: datetime) -> None:
    async with db.write() as conn:
        await conn.execute(update(sources).values(last_new_at=when, changed_at=when))


async def reader_with_a_first_issue(db: Database, **fields: Any) -> Subscriber:
    """A reader who had an issue yesterday and is due today."""
    reader = await subscribe(db, next_issue_at=DUE - timedelta(days=1), **fields)
    await announce(db, make_paper(1, title="language models"), when=YESTERDAY)
    await compose(db, clock=at(DUE - timedelta(days=1)))
    await send_all(db)
    async with db.write() as conn:
        await conn.execute(update(subscribers).values(next_issue_at=DUE))
    return reader


async def test_issue_waits_for_a_late_batch_and_goes_when_it_comes(db: Database) -> None:
    await source(db, YESTERDAY)
    reader = await reader_with_a_first_issue(db)
    report = await compose(db, clock=at(DUE), patience=PATIENCE)
    assert (report.composed, report.waiting) == (0, 1)
    await announce(db, make_paper(2, title="language models"), when=DUE + timedelta(hours=1))
    await publish(db, DUE + timedelta(hours=1))
    report = await compose(db, clock=at(DUE + timedelta(hours=1, minutes=1)), patience=PATIENCE)
    issue = await issue_of(db, reader)
    assert issue
    assert (report.composed, issue.due_at, issue.note) == (1, DUE, "")
    assert (await reload(db, reader)).waiting_since is None


async def test_issue_goes_at_the_deadline_and_says_what_is_missing(db: Database) -> None:
    await source(db, YESTERDAY)
    reader = await reader_with_a_first_issue(db)
    await announce(db, make_paper(2, title="language models"), when=DUE)
    await compose(db, clock=at(DUE), patience=PATIENCE)
    early = await compose(db, clock=at(DUE + PATIENCE - timedelta(seconds=1)), patience=PATIENCE)
    assert (early.composed, early.waiting) == (0, 0)
    assert (await compose(db, clock=at(DUE + PATIENCE), patience=PATIENCE)).composed == 1
    issue = await issue_of(db, reader)
    assert issue
    assert shown(issue) == ["arxiv:2604.00002"]
    assert issue.note == (
        "arXiv cs.CL has not published today's papers yet; they will be in your next issue."
    )


async def test_next_issue_after_a_wait_keeps_the_hour_of_the_schedule(db: Database) -> None:
    await source(db, YESTERDAY)
    reader = await reader_with_a_first_issue(db)
    await compose(db, clock=at(DUE), patience=PATIENCE)
    await compose(db, clock=at(DUE + PATIENCE), patience=PATIENCE)
    due_at = (await reload(db, reader)).next_issue_at
    assert due_at
    assert (due_at.hour, due_at.minute) == (reader.schedule.at.hour, reader.schedule.at.minute)


async def test_reader_of_other_sources_does_not_wait(db: Database) -> None:
    await source(db, YESTERDAY)
    await reader_with_a_first_issue(db, sources=("Nature",))
    report = await compose(db, clock=at(DUE), patience=PATIENCE)
    assert (report.quiet, report.waiting) == (1, 0)


async def test_first_issue_does_not_wait(db: Database) -> None:
    await source(db, YESTERDAY)
    await announce(db, make_paper(1, title="language models"), when=YESTERDAY)
    await subscribe(db, next_issue_at=DUE)
    assert (await compose(db, clock=at(DUE), patience=PATIENCE)).composed == 1


async def test_many_who_wait_do_not_hold_up_others(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.pipeline.compose.BATCH", 2)
    await source(db, YESTERDAY)
    await announce(db, make_paper(1, title="language models"), when=YESTERDAY)
    for number in range(1, 6):
        await subscribe(db, number, next_issue_at=DUE - timedelta(days=1))
    await compose(db, clock=at(DUE - timedelta(days=1)))
    async with db.write() as conn:
        await conn.execute(update(subscribers).values(next_issue_at=DUE))
    await subscribe(db, 6, next_issue_at=DUE)
    report = await compose(db, clock=at(DUE), patience=PATIENCE)
    assert (report.composed, report.waiting) == (1, 5)


@pytest.mark.parametrize(
    ("batch", "now", "waits"),
    [
        (make_batch(), DUE, True),
        (make_batch(state=SourceState.FAILED), DUE, True),
        (make_batch(state=SourceState.STALE, changed_at=DUE), DUE, True),
        (make_batch(last_new_at=DUE - timedelta(hours=1)), DUE, False),
        (make_batch(), DUE - timedelta(hours=2), False),  # its hour has not come
        (make_batch(), DUE + timedelta(days=4), False),  # a Saturday
        (make_batch(state=SourceState.QUIET, changed_at=DUE), DUE, False),  # a holiday
        (make_batch(state=SourceState.QUIET), DUE, True),  # the empty answer is yesterday's
        (make_batch(last_new_at=None), DUE, False),  # never gave anything
        (make_batch(last_new_at=YESTERDAY - timedelta(days=7)), DUE, False),  # silent for days
        (make_batch("huggingface", last_new_at=DUE), DUE + timedelta(hours=8), False),
        (make_batch("huggingface"), DUE + timedelta(hours=8), True),
        (make_batch("huggingface"), DUE, False),
    ],
)
def test_awaited_is_a_batch_past_its_hour(batch: Batch, now: datetime, waits: bool) -> None:
    assert late.is_awaited(batch, now) is waits


@given(kinds, moments, moments)
def test_source_that_gave_papers_since_yesterday_is_awaited_once_its_hour_came(
    kind: SourceKind, now: datetime, last: datetime
) -> None:
    batch = make_batch(kind=kind, last_new_at=last)
    if late.is_awaited(batch, now):
        assert last < now
        assert now - last < timedelta(days=8)
        assert not late.is_awaited(make_batch(kind=kind, last_new_at=now), now)


@given(
    moments,
    st.timedeltas(timedelta(), timedelta(hours=9)),
    st.lists(st.sampled_from(["arxiv", "huggingface"])),
)
def test_nobody_waits_past_the_deadline(due: datetime, waited: timedelta, families: Sequence[str]) -> None:
    reader = make_subscriber(next_issue_at=due, last_pass=3, sources=tuple(families))
    until = late.waits_until(reader, [make_batch()], due + waited, PATIENCE)
    follows = not families or "arxiv" in families
    assert (until is not None) == (follows and waited < PATIENCE)
    assert until is None or until == due + PATIENCE


def test_note_names_every_missing_source() -> None:
    batches = [make_batch(), make_batch("arxiv:cs.AI"), make_batch("huggingface")]
    assert late.missing_note(batches).startswith("arXiv cs.CL, arXiv cs.AI and Hugging Face have not")
    assert late.missing_note([]) == ""
