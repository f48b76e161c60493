"""`digest status --issue`: who got it and who did not; `digest bounces` without a mailbox."""

import csv
import json
from io import StringIO

from tests.cli.conftest import NOW, Command


def test_who_got_the_issue_of_a_day(digest: Command) -> None:
    assert digest("run", "--now", NOW).status == 0
    rows = list(csv.DictReader(StringIO(digest("status", "--issue", NOW[:10], "--csv").out)))
    assert [(row["state"], row["attempts"], row["bounced"]) for row in rows] == [("sent", "1", "")] * len(
        rows
    )
    assert rows
    same = json.loads(digest("status", "--issue", rows[0]["issue_id"], "--json").out)
    assert [row["email"] for row in same] == [rows[0]["email"]]


def test_a_day_without_issues_is_told(digest: Command) -> None:
    assert "no delivery" in digest("status", "--issue", "2020-01-01").out


def test_an_issue_that_is_neither_number_nor_day_is_wrong_use(digest: Command) -> None:
    done = digest("status", "--issue", "yesterday")
    assert (done.status, "2026-04-14" in done.err) == (2, True)


def test_bounces_without_a_mailbox_says_what_to_set(digest: Command) -> None:
    done = digest("bounces")
    assert (done.status, "DIGEST_BOUNCE_URL" in done.err) == (2, True)
