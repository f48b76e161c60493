"""The fast way gives what the plain way gives."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

from digest.compose.message import Composer
from digest.links import Links
from digest.models import Issue, Subscriber
from tests.compose.conftest import read_message
from tests.compose.naive import Naive
from tests.make import (
    NOW,
    make_issue,
    make_match,
    make_paper,
    make_papers,
    make_site,
    make_subscriber,
    make_topic,
)

PAPERS = make_papers(
    *(
        make_paper(
            number,
            title=f'Thing <{number}> & “$x^{number}$” — Schr\\"odinger',
            abstract="We study things & find $a<b$. " * number + "See https://github.com/a/b.",
            votes=number % 3,
            version=2,
        )
        for number in range(1, 12)
    )
)
SITE, LINKS = make_site(postal_address="Pappelallee 1, Berlin"), Links("https://papers.dev", ("key",))


class _Events(HTMLParser):
    """Tags, attributes in order of their names, and text without blanks at its ends."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.events: list[object] = []
        self.feed(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))  # stands elsewhere in the head

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.events.append((tag, sorted((name, _declarations(name, value)) for name, value in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.events.append(("end", tag))

    def handle_data(self, data: str) -> None:
        if text := " ".join(data.split()):
            self.events.append(text)


def _declarations(name: str, value: str | None) -> str:
    return ";".join(sorted(re.split(r";\s*", value or ""))) if name == "style" else value or ""


def same(issue: Issue, reader: Subscriber) -> None:
    fast = Composer(SITE, LINKS).message(issue, reader, PAPERS, message_id="<1@papers.dev>", created_at=NOW)
    plain = message_from_bytes(
        Naive(SITE, LINKS).message(issue, reader, PAPERS, "<1@papers.dev>"), policy=policy.default
    )
    assert isinstance(plain, EmailMessage)
    ours, theirs = (content(mail, "plain") for mail in (read_message(fast), plain))
    assert re.sub(r"\n{3,}", "\n\n", ours) == re.sub(r"\n{3,}", "\n\n", theirs)
    ours, theirs = (content(mail, "html") for mail in (read_message(fast), plain))
    assert _Events(ours).events == _Events(theirs).events


def content(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_everyday_issue_is_the_same() -> None:
    reader = make_subscriber(topics=(make_topic("a", authors=("Émile Noether",)), make_topic("b <&>")))
    shown = tuple(
        make_match(n, topic="a" if n % 2 else "b <&>", because=("things", "find")) for n in range(1, 9)
    )
    lists = {"trending": ("arxiv:2604.00010",), "revised": ("arxiv:2604.00011",)}
    same(make_issue(shown=shown, left_out=(make_match(9),), **lists), reader)


def test_quiet_issue_is_the_same() -> None:
    same(make_issue(note="512 new papers, best score 43, your cut is 50."), make_subscriber(topics=()))


def test_issue_of_another_reader_from_the_same_composer_is_its_own() -> None:
    composer = Composer(SITE, LINKS)
    issue = make_issue(1, 2)
    one, two = (
        composer.message(issue, make_subscriber(n), PAPERS, message_id=f"<{n}@papers.dev>", created_at=NOW)
        for n in (1, 2)
    )
    assert LINKS.reader(1, 1) in one.html
    assert LINKS.reader(2, 1) in two.html
    assert LINKS.reader(1, 1) not in two.html + two.text + two.raw.decode().replace("=\r\n", "")


def test_paper_that_changed_is_rendered_anew() -> None:
    composer = Composer(SITE, LINKS)
    for votes in (3, 4):
        papers = make_papers(make_paper(1, votes=votes))
        message = composer.message(
            make_issue(1), make_subscriber(), papers, message_id="<1@papers.dev>", created_at=NOW
        )
        assert f"{votes} votes" in message.text
