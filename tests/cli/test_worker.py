"""`digest worker` and the move to PostgreSQL as a person at a prompt meets them."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from tests.cli.conftest import Command, write_roster

READER = "  - {email: ada@papers.dev, topics: [efficient inference of language models], cut: 0}\n"


def test_workers_need_postgresql(digest: Command) -> None:
    done = digest("worker")
    assert done.status == 2
    assert "workers need PostgreSQL" in done.err
    assert "digest db copy" in done.err


def test_unknown_queue_is_named_with_the_known_ones(digest: Command) -> None:
    done = digest("worker", "--queues", "compose,print")
    assert done.status == 2
    assert 'there is no "print"; choose from ingest, compose, deliver' in done.err


def test_copy_without_a_target_says_what_to_set(digest: Command, folder: Path) -> None:
    done = digest("db", "copy", "digest.db")
    assert done.status == 2
    assert "DIGEST_DATABASE_URL must say where the copy goes" in done.err


@pytest.mark.parametrize("key", ["", "another key than the one beside the file"])
def test_copy_under_another_key_is_refused(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str, key: str
) -> None:
    """Links in mails that are out would die."""
    digest("run")
    monkeypatch.setenv("DIGEST_DATABASE_URL", postgres_url)
    monkeypatch.setenv("DIGEST_SECRET_KEY", key)
    done = digest("db", "copy", "digest.db")
    assert done.status == 2
    assert 'DIGEST_SECRET_KEY="$(cat digest.secret)"' in done.err


def test_after_the_copy_the_next_run_goes_on_where_the_last_ended(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    write_roster(folder, "  - example: arxiv\n", READER)
    first = json.loads(digest("run", "--json").out)
    assert first["deliveries"]["sent"] == 1
    monkeypatch.setenv("DIGEST_DATABASE_URL", postgres_url)
    monkeypatch.setenv("DIGEST_SECRET_KEY", (folder / "digest.secret").read_text())
    copied = digest("db", "copy", "digest.db")
    assert copied.status == 0, copied.err
    assert "digest.db sends no more" in copied.out
    second = json.loads(digest("run", "--json").out)
    assert second["ingest"]["sources"][0]["new"] == 0
    assert second["deliveries"]["selected"] == 0


@pytest.mark.parametrize(("minutes", "side"), [(17, "ahead of"), (-17, "behind")])
def test_worker_with_a_wrong_clock_takes_no_job(
    digest: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch, minutes: int, side: str
) -> None:
    monkeypatch.setenv("DIGEST_DATABASE_URL", postgres_url)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
        done = digest("worker")
    assert (done.status, "set both clocks by NTP" in done.err) == (2, True)
    assert re.search(rf"is 1[67] minutes {side} that of PostgreSQL", done.err)
