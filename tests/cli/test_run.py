"""`digest run`: the straight way from a source to a mail, once."""

import email
import email.policy
import json
import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.cli.conftest import NOW, Command, write_roster

pytestmark = pytest.mark.usefixtures("either")
ON_SQLITE = pytest.mark.parametrize("either", ["sqlite"], indirect=True)  # it looks at the file

READER = "  - email: ada@papers.dev\n    topics: [language models]\n    cut: 10\n"
ITEM = """<item><title>{title}</title><link>https://journal.dev/{number}</link><guid>{number}</guid>
<description>{text}</description><pubDate>Tue, 14 Apr 2026 00:00:00 GMT</pubDate></item>"""


def rss(*titles: str) -> str:
    items = [
        ITEM.format(title=title, number=n, text=f"A study of {title}.") for n, title in enumerate(titles)
    ]
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>J</title>{"".join(items)}</channel></rss>'
    )


def serve(server: HTTPServer, path: str, body: str, status: int = 200) -> str:
    server.expect_request(path).respond_with_data(body, status=status, content_type="application/rss+xml")
    return f"  - feed: {server.url_for(path)}\n    name: {path.strip('/')}\n"


def mails(folder: Path) -> list[EmailMessage]:
    paths = sorted((folder / "outbox").glob("*.eml"))
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]  # type: ignore[misc]


def test_first_run_writes_a_digest_and_names_it(digest: Command, folder: Path) -> None:
    done = digest("run")
    written = re.findall(r"^outbox/\S+$", done.out, re.M)
    assert done.status == 0, done.err
    assert [Path(name).suffix for name in written] == [".eml", ".html"]
    assert all((folder / name).is_file() for name in written)
    assert len(mails(folder)) == 1


def test_second_run_sends_nothing_and_says_when(digest: Command, folder: Path) -> None:
    digest("run")
    done = digest("run")
    assert done.status == 0
    assert re.search(r"nothing due until \d{4}-\d\d-\d\d \d\d:\d\d UTC; try digest preview", done.out)
    assert len(mails(folder)) == 1


def test_replay_of_another_day(digest: Command, folder: Path) -> None:
    assert digest("run", "--now", NOW).status == 0
    [mail] = mails(folder)
    assert mail["Date"].startswith("Tue, 14 Apr 2026 12:00:00")


def test_json_is_one_document_on_standard_output(digest: Command) -> None:
    document = json.loads(digest("run", "--json").out)
    assert document["issues"] == {"composed": 1, "quiet": 0}
    counts = dict(document["deliveries"])
    assert counts.pop("selected") == sum(counts.values()) == counts["sent"] == 1
    assert document["ingest"]["sources"][0]["name"] == "example:arxiv"


def test_failing_source_is_named_and_stops_nothing_else(
    digest: Command, folder: Path, httpserver: HTTPServer
) -> None:
    good = serve(httpserver, "/good", rss("language models", "black holes"))
    bad = serve(httpserver, "/bad", "gone", status=500)
    write_roster(folder, good + bad, READER)
    done = digest("run", "--now", NOW)
    assert done.status == 1
    assert "bad" in done.err
    assert len(mails(folder)) == 1


def test_html_page_instead_of_a_feed_is_one_sentence(
    digest: Command, folder: Path, httpserver: HTTPServer
) -> None:
    write_roster(folder, serve(httpserver, "/page", "<!DOCTYPE html><html><body>Sign in</body></html>"))
    done = digest("ingest")
    assert done.status == 1
    assert "Traceback" not in done.err
    assert "page" in done.err


def test_unreachable_source_is_one_sentence(digest: Command, folder: Path) -> None:
    write_roster(folder, "  - feed: http://127.0.0.1:9/feed\n    name: closed\n")
    done = digest("ingest", "--json")
    [source] = json.loads(done.out)["sources"]
    assert (done.status, source["state"]) == (1, "failed")
    assert source["error"]


def test_first_issue_waits_for_the_first_paper(digest: Command, folder: Path, httpserver: HTTPServer) -> None:
    write_roster(folder, serve(httpserver, "/journal", "gone", status=500), READER)
    assert digest("run", "--now", NOW).status == 1
    httpserver.clear()
    serve(httpserver, "/journal", rss("language models"))
    assert digest("run", "--now", "2026-04-14T18:00:00Z").status == 0
    assert len(mails(folder)) == 1


def test_empty_feed_is_quiet_and_no_failure(digest: Command, folder: Path, httpserver: HTTPServer) -> None:
    write_roster(folder, serve(httpserver, "/empty", rss()), READER)
    done = digest("run", "--json", "--now", NOW)
    document = json.loads(done.out)
    assert done.status == 0
    assert document["ingest"]["sources"][0]["state"] == "quiet"
    assert document["issues"] == {"composed": 0, "quiet": 1}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "--now", "yesterday"), '--now: "yesterday" is not a time'),
        (("run", "--now", "2026-04-14T12:00:00"), "has no time zone"),
        (("run", "--now", "2026-04-14"), "write day, hour and zone, for example 2026-04-14T12:00:00Z"),
        (("run", "--config", "missing.yaml"), "missing.yaml: there is no such file"),
        (("preview", "nobody@papers.dev"), "nobody@papers.dev is not subscribed"),
        (("preview", "ada@example.org", "--topic", "x"), "give an EMAIL or --topic, not both"),
        (("preview", "--topic", "the"), "holds no word to rank by"),
        (("subscribers", "show", "x@y.dev"), "is not subscribed"),
        (("subscribers", "add", "x@y", "--topic", "a topic"), "is not an e-mail address"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(
    digest: Command, words: tuple[str, ...], sentence: str
) -> None:
    done = digest(*words)
    assert done.status == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


@ON_SQLITE
@pytest.mark.parametrize("words", [("run",), ("ingest",), ("preview", "--topic", "speech")])
def test_without_a_file_nothing_is_left_in_the_folder(
    digest: Command, folder: Path, words: tuple[str, ...]
) -> None:
    (folder / "subscribers.yaml").unlink()
    assert digest(*words).status == 2
    assert not [*folder.glob("digest.*")]


@ON_SQLITE
def test_file_of_another_folder_with_a_new_database_is_told(
    digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    words = ("run", "--config", "../subscribers.yaml", "--now", NOW)
    assert "elsewhere/digest.db is a new database, in which nobody was sent anything" in digest(*words).err
    assert "new database" not in digest(*words).err


@ON_SQLITE
def test_broken_file_changes_nothing(digest: Command, folder: Path) -> None:
    digest("run")
    (folder / "subscribers.yaml").write_text("sources: [")
    before = (folder / "digest.db").read_bytes()
    assert digest("run").status == 2
    assert (folder / "digest.db").read_bytes() == before


def test_foreign_database_is_refused(digest: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "notes.db").write_text("just some notes, long enough to be no database at all. " * 30)
    monkeypatch.setenv("DIGEST_DATABASE_URL", "sqlite:///notes.db")
    done = digest("run")
    assert done.status == 1
    assert "not an SQLite database" in done.err


def test_outbox_that_is_a_file_defers_and_loses_nothing(digest: Command, folder: Path) -> None:
    (folder / "outbox").write_text("in the way")
    done = digest("run", "--now", "2026-04-14T12:00:00Z")
    assert done.status == 1
    assert "not a folder" in done.err
    (folder / "outbox").unlink()
    assert digest("run", "--now", "2026-04-14T18:00:00Z").status == 0
    assert len(mails(folder)) == 1


def test_reader_without_topics_is_told_apart(digest: Command, folder: Path) -> None:
    readers = (
        READER.replace("[language models]", "[]") + "  - email: bob@papers.dev\n    topics: [Silesian pots]\n"
    )
    write_roster(folder, "  - example: arxiv\n", readers)
    done = digest("run", "--now", NOW)
    assert "1 reader follows no topic yet" in done.out
    assert "nothing good enough for 1 subscriber;" in done.out


def test_a_day_without_papers_is_no_matter_of_cuts(digest: Command, folder: Path) -> None:
    write_roster(folder, "  - example: arxiv\n", READER)
    digest("run", "--now", NOW)
    done = digest("run", "--now", "2026-04-15T12:00:00Z")
    assert "no new papers for 1 subscriber" in done.out
    assert "nothing good enough" not in done.out


def test_run_says_when_a_waiting_mail_is_tried_again(digest: Command, folder: Path) -> None:
    (folder / "outbox").write_text("in the way")
    digest("run", "--now", NOW)
    (folder / "outbox").unlink()
    done = digest("run", "--now", NOW)
    assert "1 mail waits, tried again at 2026-04-14 12:" in done.out
