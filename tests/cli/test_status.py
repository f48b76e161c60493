"""`digest status` says what holds mail back, and shows the last days in a line."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.cli.watch import sparkline
from digest.pipeline import epoch
from tests.cli.conftest import NOW, Command

pytestmark = pytest.mark.usefixtures("either")
ON_SQLITE = pytest.mark.parametrize("either", ["sqlite"], indirect=True)  # it looks at the file


def test_days_are_drawn_and_the_json_has_what_was_promised(digest: Command) -> None:
    digest("run", "--now", NOW)
    done = digest("status", "--now", NOW)
    assert "█" in done.out
    found = json.loads(digest("status", "--now", NOW, "--json").out)
    assert {"sources", "deliveries", "next_issue_at", "uncertain", "last_pass"} <= found.keys()
    assert (found["paused"], found["held"], found["waiting"], found["awaited"]) == (None, None, 0, [])


def test_pause_stops_sending_and_resume_sends(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", "smtp://127.0.0.1:9")
    assert digest("status", "--pause").status == 0
    done = digest("run", "--now", NOW)
    assert (done.status, "stopped by the operator" in done.err) == (1, True)
    assert "PAUSED" in digest("status", "--now", NOW).out
    assert json.loads(digest("status", "--json").out)["paused"] == "stopped by the operator"
    assert "sending goes on" in digest("status", "--resume").out
    assert json.loads(digest("status", "--json").out)["paused"] is None


def test_pause_also_keeps_mails_out_of_the_outbox_folder(digest: Command, folder: Path) -> None:
    digest("status", "--pause")
    done = digest("run", "--now", NOW)
    assert (done.status, "stopped by the operator" in done.err) == (1, True)
    assert not (folder / "outbox").exists()


def restore(digest: Command, folder: Path) -> None:
    """Run once, and go on from a backup."""
    digest("run", "--now", NOW)
    digest("db", "backup", "copy.db")
    (folder / "digest.db").unlink()
    (folder / "copy.db").rename(folder / "digest.db")


@ON_SQLITE
def test_restored_copy_is_told_and_confirmed(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", "smtp://127.0.0.1:9")
    restore(digest, folder)
    assert "HELD" in digest("status", "--now", NOW).out
    done = digest("run", "--now", "2026-04-14T14:00:00Z")
    assert (done.status, "nothing is sent until you confirm it" in done.err) == (1, True)
    assert "every window begins now" in digest("db", "confirm", "--skip").out
    assert "HELD" not in digest("status", "--now", NOW).out


@ON_SQLITE
def test_extra_issue_tells_of_the_hold_before_it_is_made(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", "smtp://127.0.0.1:9")
    restore(digest, folder)
    done = digest("send", "ada@example.org", "--now", NOW)
    assert (done.status, "nothing is sent until you confirm it" in done.err) == (1, True)


@ON_SQLITE
@pytest.mark.parametrize("command", [["run"], ["serve", "--port", "0"], ["ingest"], ["doctor"]])
def test_database_that_moved_away_is_written_by_no_command(
    digest: Command, folder: Path, command: list[str]
) -> None:
    digest("run", "--now", NOW)
    home = json.dumps(epoch.mark({"epoch": 3}, "to PostgreSQL", datetime(2026, 4, 14, tzinfo=UTC)))
    with closing(sqlite3.connect(folder / "digest.db")) as raw, raw:
        raw.execute("INSERT OR REPLACE INTO facts VALUES ('home', ?, '2026-04-14 00:00:00.000000')", [home])
    done = digest(*command)
    assert (done.status, "moved to PostgreSQL on 2026-04-14" in done.out + done.err) == (1, True)
    assert "moved to PostgreSQL" in digest("status").out


@ON_SQLITE
def test_backup_does_not_overwrite(digest: Command, folder: Path) -> None:
    digest("run", "--now", NOW)
    (folder / "copy.db").write_text("mine")
    done = digest("db", "backup", "copy.db")
    assert (done.status, "exists already" in done.err) == (2, True)


@ON_SQLITE
def test_backup_needs_its_folder(digest: Command, folder: Path) -> None:
    done = digest("db", "backup", "nowhere/copy.db")
    assert (done.status, "there is no folder nowhere; make it first" in done.err) == (2, True)


@given(st.lists(st.integers(0, 10**6), max_size=40))
def test_sparkline_has_a_sign_a_day_and_its_top_is_full(values: list[int]) -> None:
    line = sparkline(values)
    assert len(line) == len(values)
    assert not any(values) or line[values.index(max(values))] == "█"
    assert [sign == "·" for sign in line] == [value == 0 for value in values]


@ON_SQLITE
def test_broken_file_is_told_by_status_list_and_send(digest: Command, folder: Path) -> None:
    digest("run", "--now", NOW)
    (folder / "subscribers.yaml").write_text("sources: [\n")
    done = digest("status", "--now", NOW)
    assert (done.status, "FAULT       subscribers.yaml:" in done.out) == (1, True)
    told = json.loads(digest("status", "--now", NOW, "--json").out)["configuration"]
    assert told.startswith("subscribers.yaml:")
    assert told in digest("subscribers", "list").err
    assert told in digest("send", "ada@example.org", "--now", NOW).err


def test_a_file_that_is_named_must_be_there(digest: Command) -> None:
    done = digest("status", "--config", "nope.yaml")
    assert (done.status, "nope.yaml: there is no such file" in done.out) == (1, True)


def test_past_one_machine_no_file_is_needed_for_a_look(digest: Command, folder: Path, either: str) -> None:
    (folder / "subscribers.yaml").unlink()
    assert digest("status").status == (1 if either == "sqlite" else 0)


def test_the_error_of_a_source_has_a_line_of_its_own(digest: Command, folder: Path) -> None:
    (folder / "subscribers.yaml").write_text("sources:\n  - feed: http://127.0.0.1:9/\n    name: gone\n")
    digest("run", "--now", NOW)
    [source] = json.loads(digest("status", "--json").out)["sources"]
    assert f"{source['name']}: {source['error']}\n" in digest("status").out


def test_issue_that_never_was_is_told_from_one_without_mail(digest: Command, folder: Path) -> None:
    config = folder / "subscribers.yaml"
    config.write_text(config.read_text().replace("    trending: 3\n", "    cut: 100\n"))
    digest("run", "--now", NOW)
    assert "1 for ada@example.org: there was nothing to mail" in digest("status", "--issue", "1").out
    assert "`digest status --issue 1` says who got it" in digest("status").out
    assert "no mail was made" in digest("status", "--issue", "2020-01-01").out
    for unknown in ("99", "9" * 30):
        done = digest("status", "--issue", unknown)
        assert (done.status, f"there is no issue {unknown}" in done.err) == (2, True)


@pytest.mark.parametrize("words", [["--csv"], ["--issue", "1", "--csv", "--json"]])
def test_table_for_spreadsheets_is_of_one_issue(digest: Command, words: list[str]) -> None:
    done = digest("status", *words)
    assert (done.status, "--csv goes with --issue" in done.err) == (2, True)
