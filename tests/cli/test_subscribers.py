"""`digest subscribers …` and `digest status`: who reads, and what became of their issues."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.storage.database import Database
from digest.storage.suppressions import suppress
from tests.cli.conftest import NOW, Command

pytestmark = pytest.mark.usefixtures("either")

BOB = ("subscribers", "add", "bob@papers.dev", "--topic", "black holes", "--now", NOW)


def listed(digest: Command) -> dict[str, Any]:
    document = json.loads(digest("subscribers", "list", "--json").out)
    return {entry["email"]: entry for entry in document["subscribers"]}


def test_added_subscriber_is_listed_and_due(digest: Command) -> None:
    assert digest(*BOB).status == 0
    assert listed(digest)["bob@papers.dev"] == {
        "email": "bob@papers.dev",
        "name": "",
        "status": "active",
        "topics": ["black holes"],
        "schedule": "daily at 07:30 UTC",
        "next_issue_at": "2026-04-14T12:00:00Z",
    }


def test_listed_address_stands_whole_on_a_line_of_its_own(digest: Command) -> None:
    assert "nobody is subscribed" in digest("subscribers", "list").out
    address = "ada.lovelace-byron@physics.university.cambridge.papers.dev"
    digest("subscribers", "add", address, "--topic", "black holes", "--now", NOW)
    assert digest("subscribers", "list").out.splitlines() == [
        address,
        "  active, daily at 07:30 UTC, next issue 2026-04-14 12:00 UTC",
        "  black holes",
    ]


def test_added_subscriber_can_be_choosy(digest: Command) -> None:
    digest(*BOB, "--cut", "80")
    shown = json.loads(digest("subscribers", "show", "bob@papers.dev", "--json").out)
    assert shown["cut"] == 80
    done = digest("subscribers", "add", "eve@papers.dev", "--topic", "x-rays", "--cut", "101")
    assert (done.status, "equal to 100" in done.err) == (2, True)


def test_two_topics_of_one_name_are_refused_as_in_the_file(digest: Command) -> None:
    done = digest(*BOB, "--topic", "black holes")
    assert (done.status, "two topics are called black holes" in done.err) == (2, True)


def test_nobody_is_added_twice(digest: Command) -> None:
    digest(*BOB)
    done = digest("subscribers", "add", "BOB@papers.dev", "--topic", "x-rays")
    assert done.status == 2
    assert "is subscribed already" in done.err


def test_export_reads_back_as_an_import(digest: Command, folder: Path) -> None:
    digest(*BOB)
    digest("run", "--now", NOW)
    digest("subscribers", "export", "--output", "all.yaml")
    before = listed(digest)
    (folder / "again.yaml").write_text("sources:\n  - example: arxiv\n" + (folder / "all.yaml").read_text())
    digest("subscribers", "import", "again.yaml", "--now", NOW)
    assert listed(digest) == before


def test_paused_subscriber_gets_nothing_until_resumed(digest: Command, folder: Path) -> None:
    digest(*BOB)
    digest("subscribers", "pause", "bob@papers.dev")
    digest("run", "--now", NOW)
    assert not list((folder / "outbox").glob("*bob*"))
    digest("subscribers", "resume", "bob@papers.dev", "--now", NOW)
    assert listed(digest)["bob@papers.dev"]["next_issue_at"] == "2026-04-15T07:30:00Z"


def test_who_is_removed_and_stands_in_the_file_is_told_to_come_back(digest: Command) -> None:
    digest("run", "--now", NOW)
    done = digest("subscribers", "remove", "ada@example.org")
    assert "is removed" in done.out
    assert "subscribers.yaml:16: the entry is still there" in done.err
    assert "take it out" in done.err
    digest(*BOB)
    assert digest("subscribers", "remove", "bob@papers.dev").err == ""


def test_only_the_operator_takes_a_stop_after_bounces_back(digest: Command) -> None:
    async def suppress_bob() -> None:
        db = Database(os.environ.get("DIGEST_DATABASE_URL", "sqlite:///digest.db"))
        async with db.write() as conn:
            await suppress(conn, "bob@papers.dev", "hard bounce", datetime(2026, 4, 14, tzinfo=UTC))
        await db.close()

    digest(*BOB)
    asyncio.run(suppress_bob())
    digest("subscribers", "remove", "bob@papers.dev")
    assert "`digest subscribers resume bob@papers.dev` lifts that" in digest(*BOB).err
    assert "may be mailed again" in digest("subscribers", "resume", "bob@papers.dev").out
    assert digest(*BOB).status == 0


def test_pause_until_a_day_gives_one_issue_afterwards(digest: Command) -> None:
    digest(*BOB)
    digest("subscribers", "pause", "bob@papers.dev", "--until", "2026-05-01", "--now", NOW)
    assert listed(digest)["bob@papers.dev"]["next_issue_at"] == "2026-05-01T07:30:00Z"


def test_removed_subscriber_may_come_again(digest: Command) -> None:
    digest(*BOB)
    digest("subscribers", "remove", "bob@papers.dev")
    assert digest(*BOB).status == 0


def test_forgotten_subscriber_leaves_only_a_hash(digest: Command, folder: Path) -> None:
    digest(*BOB)
    digest("subscribers", "forget", "bob@papers.dev")
    assert digest(*BOB).status == 2
    digest("subscribers", "list")
    assert b"bob@papers.dev" not in b"".join(path.read_bytes() for path in folder.glob("digest.db*"))


def test_status_tells_what_was_sent_and_what_comes(digest: Command) -> None:
    digest("run", "--now", NOW)
    document = json.loads(digest("status", "--json").out)
    assert document["deliveries"]["sent"] == 1
    assert document["next_issue_at"] == "2026-04-15T05:30:00Z"
    assert document["last_pass"]["pass"] == 1
    assert [source["name"] for source in document["sources"]] == ["example:arxiv"]
    assert document["uncertain"] == []


def test_status_says_why_nothing_was_sent(digest: Command) -> None:
    digest("subscribers", "add", "eve@papers.dev", "--topic", "medieval pottery of Silesia", "--now", NOW)
    digest("run", "--now", NOW)
    quiet = json.loads(digest("status", "--json").out)["quiet"]
    assert [entry["email"] for entry in quiet] == ["eve@papers.dev"]
    assert "best score" in quiet[0]["note"]
    assert digest("status").out.count("eve@papers.dev") == 1


def test_export_is_imported_as_it_is_and_overwrites_nothing(digest: Command, folder: Path) -> None:
    digest(*BOB)
    before = listed(digest)
    assert digest("subscribers", "export", "--output", "all.yaml").status == 0
    digest("subscribers", "remove", "bob@papers.dev")
    done = digest("subscribers", "import", "all.yaml", "--now", NOW)
    assert (done.status, listed(digest)) == (0, before)
    again = digest("subscribers", "export", "--output", "all.yaml")
    assert (again.status, "all.yaml exists already" in again.err) == (2, True)


def test_pause_names_its_own_option(digest: Command) -> None:
    digest(*BOB)
    done = digest("subscribers", "pause", "bob@papers.dev", "--until", "2026-1-1")
    assert (done.status, '--until: "2026-1-1" is not a day' in done.err, "--now" in done.err) == (
        2,
        True,
        False,
    )
