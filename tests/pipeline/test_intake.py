"""The file and the database: the file's own changes count, and so do the reader's."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from digest.config import Listed, read_roster
from digest.errors import ConfigError
from digest.models import Subscriber, SubscriberStatus
from digest.pipeline.intake import IntakeReport, import_listed
from digest.storage import subscribers, suppressions
from digest.storage.database import Database
from tests.make import NOW

ADA = "  - email: ada@papers.dev\n    topics: [language models]\n"
BOB = "  - email: bob@papers.dev\n    topics: [black holes]\n"


def listed(tmp_path: Path, *entries: str) -> tuple[Listed, ...]:
    path = tmp_path / "subscribers.yaml"
    path.write_text("sources:\n  - arxiv: cs.CL\nsubscribers:\n" + "".join(entries))
    return read_roster(path).listed


async def take_in(db: Database, entries: tuple[Listed, ...], **options: bool) -> IntakeReport:
    return await import_listed(db, entries, NOW, **options)


async def stored(db: Database, email: str) -> Subscriber:
    async with db.read() as conn:
        found = await subscribers.by_email(conn, email)
    assert found
    return found


async def edit(db: Database, subscriber: Subscriber) -> None:
    async with db.write() as conn:
        await subscribers.change(conn, subscriber)


async def test_new_entry_is_subscribed_and_due_at_once(db: Database, tmp_path: Path) -> None:
    report = await take_in(db, listed(tmp_path, ADA))
    ada = await stored(db, "Ada@Papers.dev")
    assert report.added == ("ada@papers.dev",)
    assert (ada.status, ada.next_issue_at) == (SubscriberStatus.ACTIVE, NOW)
    assert ada.topics[0].name == "language models"


async def test_without_welcome_the_schedule_is_waited_for(db: Database, tmp_path: Path) -> None:
    await take_in(db, listed(tmp_path, ADA), welcome=False)
    due_at = (await stored(db, "ada@papers.dev")).next_issue_at
    assert due_at
    assert due_at > NOW


async def test_importing_again_changes_nothing(db: Database, tmp_path: Path) -> None:
    await take_in(db, listed(tmp_path, ADA))
    assert await take_in(db, listed(tmp_path, "  # a comment\n" + ADA)) == IntakeReport()


async def test_edit_on_the_web_stays_until_the_entry_itself_changes(db: Database, tmp_path: Path) -> None:
    await take_in(db, listed(tmp_path, ADA))
    await edit(db, replace(await stored(db, "ada@papers.dev"), max_papers=3))
    await take_in(db, listed(tmp_path, ADA))
    assert (await stored(db, "ada@papers.dev")).max_papers == 3
    await take_in(db, listed(tmp_path, ADA + "    name: Ada\n"))
    assert (await stored(db, "ada@papers.dev")).max_papers == 10


async def test_vanished_entry_is_paused_and_comes_back(db: Database, tmp_path: Path) -> None:
    await take_in(db, listed(tmp_path, ADA, BOB))
    report = await take_in(db, listed(tmp_path, ADA))
    assert report.paused == ("bob@papers.dev",)
    assert (await stored(db, "bob@papers.dev")).status is SubscriberStatus.PAUSED
    await take_in(db, listed(tmp_path, ADA, BOB))
    assert (await stored(db, "bob@papers.dev")).status is SubscriberStatus.ACTIVE


async def test_unsubscribed_reader_is_not_revived_by_the_file(db: Database, tmp_path: Path) -> None:
    await take_in(db, listed(tmp_path, ADA))
    await edit(db, replace(await stored(db, "ada@papers.dev"), status=SubscriberStatus.UNSUBSCRIBED))
    await take_in(db, listed(tmp_path, ADA + "    name: Ada\n"))
    ada = await stored(db, "ada@papers.dev")
    assert (ada.status, ada.next_issue_at) == (SubscriberStatus.UNSUBSCRIBED, None)


async def test_forgotten_address_is_never_revived_by_the_file(db: Database, tmp_path: Path) -> None:
    async with db.write() as conn:
        await suppressions.suppress(conn, "ADA@papers.dev", "forgotten", NOW)
    report = await take_in(db, listed(tmp_path, ADA))
    assert (report.added, report.refused) == ((), ("ada@papers.dev",))


async def test_pause_until_a_day_puts_the_first_issue_off(db: Database, tmp_path: Path) -> None:
    await take_in(db, listed(tmp_path, ADA + "    pause_until: 2026-05-01\n"))
    due_at = (await stored(db, "ada@papers.dev")).next_issue_at
    assert due_at
    assert due_at - NOW > timedelta(days=16)


async def test_topic_without_a_word_stops_the_whole_import(db: Database, tmp_path: Path) -> None:
    entries = listed(tmp_path, ADA, BOB.replace("black holes", '"the of and"'))
    with pytest.raises(ConfigError, match=r"bob@papers\.dev"):
        await take_in(db, entries)
    async with db.read() as conn:
        assert await subscribers.listed(conn) == []
