"""Feed text is hostile: whatever stands in a paper, the mail keeps its shape."""

import contextlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.compose.message import Composer
from digest.errors import ParseError
from digest.ingest.parse import parse
from digest.links import Links
from digest.models import Message, Paper
from tests.compose.conftest import read_message
from tests.make import NOW, make_issue, make_match, make_paper, make_papers, make_site, make_subscriber

READER = make_subscriber()
COMPOSER = Composer(make_site(), Links("https://papers.dev", ("key",)))

HOSTILE = [
    "=?utf-8?q?hi=0D=0ABcc:_v=40x.org?=",
    "a\r\nBcc: victim@x.org\r\n\r\n<script>alert(1)</script>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "</title></head><body onload=alert(1)>",
    "<!--[if mso]><style>*{display:none}</style><![endif]-->",
    "{{ 7 * 7 }}{% for x in range(10**9) %}{{ cycler.__init__.__globals__.os }}",
    "<!--jinja0-->jinja1x",
    "\n.\nMAIL FROM:<a@b>\r.\r\n",
    "\u202egnp.exe\u2066 \0\x01\x02\ud800 e" + "\u0301" * 500,
    "x" * 200_000,
    "{" * 9999,
]


def compose(paper: Paper) -> Message:
    issue = make_issue(shown=(make_match(1, because=(paper.title,), topic=paper.title),), note=paper.title)
    return COMPOSER.message(
        issue,
        make_subscriber(name=paper.title),
        make_papers(paper),
        message_id="<1@papers.dev>",
        created_at=NOW,
    )


def paper(text: str) -> Paper:
    return make_paper(
        1,
        title=text,
        abstract=text,
        authors=(text, text),
        url=text,
        venue=text,
        comment=text,
        categories=(text,),
    )


class _Shape(HTMLParser):
    """The tags with their attribute names, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def shape(message: Message) -> _Shape:
    found = _Shape()
    found.feed(message.html)
    return found


HARMLESS = {tag for tag, _ in shape(compose(paper("https://x.org/a thing"))).tags} | {"mark"}


def check(message: Message) -> None:
    parsed = read_message(message)
    assert parsed.keys() == read_message(compose(make_paper(1))).keys()
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    found = shape(message)
    assert {tag for tag, _ in found.tags} <= HARMLESS
    assert not [name for _, names in found.tags for name in names if name.startswith("on")]
    assert all(link.startswith(("https://", "http://")) for link in found.links)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0|\r\n\.\r\n", message.raw)
    assert max(map(len, message.raw.split(b"\r\n"))) <= 998
    assert message.raw.isascii()
    assert len(message.raw) <= 90_000


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_does_no_harm(text: str) -> None:
    check(compose(paper(text)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_does_no_harm(text: str) -> None:
    check(compose(paper(text)))


def test_template_code_is_shown_and_not_run() -> None:
    message = compose(paper("{{ 7 * 7 }} and {% raw %}"))
    assert "{{ 7 * 7 }} and {% raw %}" in message.html
    assert "{{ 7 * 7 }} and {% raw %}" in message.subject


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//x.org",
        "file:///etc/passwd",
        "https://",
        "http://a b/",
        "ftp://x.org/",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    message = compose(make_paper(1, url=url))
    assert url not in [*shape(message).links]
    assert "Paper number 1" in message.html


def test_recorded_hostile_feeds_make_harmless_mails(shared: Path | None) -> None:
    """Every feed made to attack a mail, through the parser, where the recordings are at hand."""
    folders = (
        [shared / "feeds" / "hostile" / name for name in ("mail", "fields", "encoding")] if shared else []
    )
    for path in (path for folder in folders for path in sorted(folder.iterdir())):
        with contextlib.suppress(ParseError):
            entries = parse(path.read_bytes()).entries
            papers = [
                make_paper(n, title=e.title, abstract=e.abstract, authors=e.authors, url=e.url, venue=e.venue)
                for n, e in enumerate(entries)
            ]
            issue = make_issue(*range(len(papers)))
            known = make_papers(*papers)
            check(COMPOSER.message(issue, READER, known, message_id="<1@papers.dev>", created_at=NOW))
