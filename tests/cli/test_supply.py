"""Preview and send tell why there is nothing: sources never asked, sources that failed."""

from pathlib import Path

from pytest_httpserver import HTTPServer

from tests.cli.conftest import NOW, Command, write_roster
from tests.cli.test_run import READER, rss, serve

ADA = ("ada@papers.dev", "--now", NOW)


def test_preview_asks_a_source_that_was_added_later(
    digest: Command, folder: Path, httpserver: HTTPServer
) -> None:
    first = serve(httpserver, "/first", rss("medieval pottery"))
    write_roster(folder, first, READER)
    digest("run", "--now", NOW)
    second = serve(httpserver, "/second", rss("language models of the second feed"))
    write_roster(folder, first + second, READER)
    done = digest("preview", *ADA, "--format", "text")
    assert "language models of the second feed" in done.out


def test_preview_and_send_name_the_source_that_failed(
    digest: Command, folder: Path, httpserver: HTTPServer
) -> None:
    write_roster(folder, serve(httpserver, "/gone", "", status=404), READER)
    shown, again = (digest("preview", *ADA, "--format", "text") for _ in range(2))
    sent = digest("send", *ADA)
    for done in (shown, again, sent):
        assert "no papers yet: " in done.err
        assert "gone failed (" in done.err
        assert "since your last issue" not in done.out + done.err
    assert sent.status == 1
    assert not (folder / "outbox").exists()


def test_send_before_any_pass_says_that_nobody_was_asked(digest: Command) -> None:
    digest("subscribers", "add", "ada@papers.dev", "--topic", "x-rays", "--now", NOW)
    done = digest("send", *ADA)
    assert (done.status, "no source was asked; `digest run` asks them" in done.err) == (1, True)
