"""`digest preview` and `digest send`: look without a trace, or send one more."""

import email
import email.policy
import json
import sqlite3
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.cli.conftest import NOW, Command, write_roster
from tests.cli.test_run import rss, serve

PROMISED = {
    "email",
    "due_at",
    "window",
    "cut",
    "subject",
    "considered",
    "matched",
    "papers",
    "left_out",
    "trending",
    "note",
}


def test_preview_by_topic_needs_no_subscriber(digest: Command) -> None:
    done = digest(
        "preview", "--topic", "reinforcement learning", "--topic", "translation", "--format", "json"
    )
    document = json.loads(done.out)
    assert done.status == 0
    assert set(document) == PROMISED
    assert {paper["topic"] for paper in document["papers"]} == {"reinforcement learning", "translation"}
    assert all(0 <= paper["score"] <= 100 and paper["because"] for paper in document["papers"])


def test_preview_of_a_subscriber_is_what_run_then_sends(digest: Command, folder: Path) -> None:
    shown = digest("preview", "ada@example.org", "--format", "text", "--now", NOW).out
    digest("run", "--now", NOW)
    [path] = (folder / "outbox").glob("*.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    part = mail.get_body(("plain",))  # type: ignore[attr-defined]
    assert part.get_content().replace("\r\n", "\n").strip() == shown.strip()


def test_after_an_issue_a_preview_shows_what_a_week_would_bring(digest: Command) -> None:
    before = digest("preview", "ada@example.org", "--format", "text", "--now", NOW).out
    digest("run", "--now", NOW)
    done = digest("preview", "ada@example.org", "--format", "text", "--now", "2026-04-14T13:00:00Z")
    assert "no new papers since the last issue; the last 7 days would bring this" in done.err
    assert done.out.splitlines()[2:] == before.splitlines()[2:]  # below name and day
    found = json.loads(digest("preview", "ada@example.org", "--json", "--now", "2026-04-14T13:00:00Z").out)
    assert (found["considered"], found["papers"]) == (0, [])


def test_what_the_model_says_is_kept_for_the_next_preview(
    digest: Command, folder: Path, model_folder: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_MODEL", str(model_folder))
    write_roster(folder, serve(httpserver, "/journal", rss("language models")))
    assert digest("preview", "--topic", "language models", "--now", NOW).status == 0
    with sqlite3.connect("digest.db") as connection:
        assert connection.execute("SELECT count(*) FROM vectors").fetchone() == (2,)


def test_preview_marks_nothing_as_sent(digest: Command) -> None:
    first = digest("preview", "ada@example.org", "--json", "--now", NOW).out
    assert digest("preview", "ada@example.org", "--json", "--now", NOW).out == first
    assert json.loads(digest("run", "--json", "--now", NOW).out)["issues"]["composed"] == 1


@pytest.mark.parametrize(
    ("form", "start"),
    [("html", "<!DOCTYPE html>"), ("eml", "Date: "), ("json", "{"), ("text", "digest")],
)
def test_each_format_is_written(digest: Command, folder: Path, form: str, start: str) -> None:
    digest("preview", "ada@example.org", "--format", form, "--output", "here", "--now", NOW)
    assert (folder / "here").read_text().lstrip().lower().startswith(start.lower())


def test_preview_of_everybody_writes_one_file_each(digest: Command, folder: Path) -> None:
    digest("subscribers", "add", "bob@papers.dev", "--topic", "black holes", "--now", NOW)
    digest("preview", "--output", "all", "--now", NOW)
    assert sorted(path.name for path in (folder / "all").iterdir()) == [
        "preview-ada@example.org.html",
        "preview-bob@papers.dev.html",
    ]


def test_explain_prints_the_parts_of_a_score(digest: Command) -> None:
    done = digest("preview", "--topic", "reinforcement learning", "--explain", "--format", "json")
    assert "reinforcement learning: " in done.err


def test_send_is_an_extra_issue_that_leaves_the_schedule(digest: Command, folder: Path) -> None:
    digest("preview", "ada@example.org", "--now", NOW)
    before = json.loads(digest("subscribers", "list", "--json").out)
    done = digest("send", "ada@example.org", "--now", NOW)
    assert done.status == 0
    assert done.out.startswith("ada@example.org gets an issue of 12 papers\n")
    assert json.loads(digest("subscribers", "list", "--json").out) == before
    assert len(list((folder / "outbox").glob("*.eml"))) == 1


def test_preview_tells_of_an_entry_that_was_edited_since(digest: Command, folder: Path) -> None:
    config = folder / "subscribers.yaml"
    assert "something new" not in digest("preview", "ada@example.org", "--now", NOW).err
    config.write_text(config.read_text().replace("tool-using agents", "black holes"))
    done = digest("preview", "ada@example.org", "--now", NOW)
    assert "says something new of ada@example.org; `digest subscribers import" in done.err


def test_preview_tells_that_no_mail_would_go_out(digest: Command, folder: Path) -> None:
    config = folder / "subscribers.yaml"
    config.write_text(config.read_text().replace("    trending: 3\n", "    cut: 100\n"))
    assert "no mail would go out" in digest("preview", "ada@example.org", "--now", NOW).err


def test_explain_tells_what_rules_kept_out(digest: Command, folder: Path) -> None:
    config = folder / "subscribers.yaml"
    entry = "      - name: Learning\n        about: reinforcement learning\n"
    entry += "        exclude: [reward]\n        weight: 2\n"
    config.write_text(config.read_text().replace("    topics:\n", f"    topics:\n{entry}", 1))
    done = digest("preview", "ada@example.org", "--explain", "--now", NOW)
    assert "with the excluded “reward”" in done.err
    assert "; its weight 2 places it as " in done.err


def test_no_browser_is_told_with_the_whole_path(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    done = digest("preview", "--topic", "translation", "--open", "--now", NOW)
    assert f"no browser was opened: there is none here; open {folder}/preview-topics.html" in done.err


def test_explain_shows_the_nearest_where_nothing_passes_the_cut(digest: Command, folder: Path) -> None:
    entry = "subscribers:\n  - email: ada@papers.dev\n    topics: [translation]\n    cut: 100\n"
    (folder / "subscribers.yaml").write_text("sources:\n  - example: arxiv\n" + entry)
    done = digest("preview", "ada@papers.dev", "--explain", "--now", NOW)
    assert "nothing passes the cut of 100; the nearest:" in done.err
    assert done.err.count("%") == 3
