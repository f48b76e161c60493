import re
from html.parser import HTMLParser

import pytest

from digest.compose.message import MAX_SIZE, Composer
from digest.links import Links
from digest.models import Issue, Message, Schedule, Subscriber
from tests.compose.conftest import read_message
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


def compose(
    composer: Composer, issue: Issue, *papers: object, subscriber: Subscriber | None = None
) -> Message:
    return composer.message(
        issue,
        subscriber or make_subscriber(),
        make_papers(*papers),
        message_id="<1.abc@papers.dev>",
        created_at=NOW,
    )


def three(composer: Composer, **fields: object) -> Message:
    return compose(composer, make_issue(1, 2, 3, **fields), make_paper(1), make_paper(2), make_paper(3))


def test_same_inputs_give_the_same_bytes(site: object, links: Links) -> None:
    assert three(Composer(make_site(), links)).raw == three(Composer(make_site(), links)).raw


def test_text_part_stands_first_and_names_every_paper(composer: Composer) -> None:
    parts = list(read_message(three(composer)).iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for number in (1, 2, 3):
        assert f"Paper number {number}" in parts[0].get_content()
        assert f"https://arxiv.org/abs/2604.0000{number}" in parts[0].get_content()


def test_parts_are_what_the_message_says(composer: Composer) -> None:
    message = three(composer)
    parsed = read_message(message)
    for subtype, shown in (("html", message.html), ("plain", message.text)):
        part = parsed.get_body((subtype,))
        assert part is not None
        assert part.get_content().replace("\r\n", "\n") == shown


def test_headers_stand_in_their_order(composer: Composer) -> None:
    assert read_message(three(composer)).keys() == [
        "Date", "From", "To", "Subject", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
        "List-Help", "List-Owner", "List-Post", "Auto-Submitted", "X-Auto-Response-Suppress", "Precedence",
        "Feedback-ID", "MIME-Version", "Content-Type",
    ]  # fmt: skip


def test_subject_says_what_is_inside(composer: Composer) -> None:
    assert three(composer).subject == "Paper number 1 about something new, and 2 more"
    assert compose(composer, make_issue(1), make_paper(1)).subject == "Paper number 1 about something new"
    trending = make_issue(trending=("arxiv:2604.00001",))
    assert (
        compose(composer, trending, make_paper(1)).subject == "Trending: Paper number 1 about something new"
    )
    assert compose(composer, make_issue()).subject == "Nothing new for you today"


def test_without_a_public_address_there_is_no_dead_link(links: Links) -> None:
    site = make_site(base_url=None, unsubscribe_mailbox=None, reply_to="desk@papers.dev")
    message = three(Composer(site, Links(None, ("key",))))
    parsed = read_message(message)
    assert "papers.dev/" not in message.html + message.text
    assert "None" not in message.html + message.text
    assert parsed["List-Unsubscribe"] is parsed["List-Unsubscribe-Post"] is None
    assert parsed["List-Help"] == "<mailto:desk@papers.dev?subject=help>"


def test_mailto_alone_offers_no_one_click() -> None:
    message = three(Composer(make_site(base_url=None), Links(None, ("key",))))
    parsed = read_message(message)
    assert 'href="mailto:unsubscribe@papers.dev?subject=unsubscribe%20token' in message.html
    assert parsed["List-Unsubscribe"].startswith("<mailto:unsubscribe@papers.dev?subject=unsubscribe%20token")
    assert parsed["List-Unsubscribe-Post"] is None


def test_fifty_papers_fit_and_none_is_lost(composer: Composer) -> None:
    abstract = "We study things at length, and find — as others did — that they are long. " * 12
    papers = [make_paper(number, abstract=abstract) for number in range(50)]
    message = compose(composer, make_issue(*range(50)), *papers)
    assert len(message.raw) <= MAX_SIZE
    for part in (message.text, message.html):
        assert all(f"Paper number {number} about" in part for number in range(50))
    assert "Also for you" in message.html
    assert "Read the whole issue online" in message.html


def test_two_hundred_long_titles_fit_and_the_mail_says_how_many_do_not(composer: Composer) -> None:
    papers = [make_paper(number, title=f"Paper {number} " + "on matters " * 40) for number in range(200)]
    message = compose(composer, make_issue(*range(200)), *papers)
    assert len(message.raw) <= MAX_SIZE
    lost = int(re.search(r"(\d+) more did not fit", message.html)[1])  # type: ignore[index]
    assert sum(f"Paper {number} on" in message.text for number in range(200)) == 200 - lost


def test_long_lists_and_many_topics_leave_room_for_the_papers(composer: Composer) -> None:
    papers = [make_paper(number, title=f"Paper {number} " + "大語言 " * 90) for number in range(40)]
    lists = {
        "left_out": tuple(make_match(number) for number in range(5, 15)),
        "trending": tuple(paper.id for paper in papers[15:27]),
        "revised": tuple(paper.id for paper in papers[27:]),
    }
    reader = make_subscriber(topics=tuple(make_topic(f"{number} " + "話題" * 50) for number in range(200)))
    message = compose(composer, make_issue(*range(5), **lists), *papers, subscriber=reader)
    assert len(message.raw) <= MAX_SIZE
    assert all(f"Paper {number} 大" in message.text for number in range(5))
    assert "More that matched" in message.html


def test_what_a_feed_lacks_is_left_out(composer: Composer) -> None:
    bare = make_paper(1, abstract="", authors=(), url="", categories=(), id="title:abc")
    message = compose(composer, make_issue(shown=(make_match(1, paper_id="title:abc", because=()),)), bare)
    assert "Paper number 1" in message.html
    for word in ("Abstract", "PDF", "Why", "None", "votes"):
        assert word not in message.html


def test_followed_author_is_marked_wherever_it_stands(composer: Composer) -> None:
    paper = make_paper(1, authors=(*(f"Author {number}" for number in range(20)), "Shengkui Zhao"))
    reader = make_subscriber(topics=(make_topic("speech", authors=("shengkui zhao",)),))
    message = compose(composer, make_issue(1), paper, subscriber=reader)
    assert "★&nbsp;Shengkui Zhao" in message.html
    assert "and 16 more" in message.text


@pytest.mark.parametrize("followed", ["S. Zhao", "Zhao, Shengkui", "shengkui zhaó"])
def test_author_that_the_ranking_recognised_is_marked(composer: Composer, followed: str) -> None:
    issue = make_issue(shown=(make_match(1, because=(f"author {followed}", "thing")),))
    message = compose(composer, issue, make_paper(1, authors=("Shuo Zhao", "Shengkui Zhao", "S. Zhaowei")))
    assert re.findall("★&nbsp;([^<]*)", message.html)[-1] == "Shengkui Zhao"
    assert "S. Zhaowei" in message.text


def test_matched_words_are_marked_in_the_abstract(composer: Composer) -> None:
    message = compose(composer, make_issue(1), make_paper(1))
    assert ">thing</mark>" in message.html


def test_right_to_left_paper_says_so(composer: Composer) -> None:
    message = compose(composer, make_issue(1), make_paper(1, title="דרך חדשה להבין שפה"))
    assert re.search(r'<div class="card rtl"[^>]* dir="rtl" lang="he"', message.html)


def test_weekly_issue_speaks_of_the_week_in_the_readers_zone(composer: Composer) -> None:
    weekly = make_subscriber(schedule=Schedule(weekdays=(2,), zone="Pacific/Auckland"))
    message = compose(composer, make_issue(1), make_paper(1), subscriber=weekly)
    assert "1 of 512 new papers for you this week." in message.text
    assert "Wednesday, 15 April 2026" in message.text


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def test_page_has_one_h1_and_an_h2_for_each_topic(composer: Composer) -> None:
    issue = make_issue(shown=(make_match(1), make_match(2, topic="speech"), make_match(3, topic="speech")))
    outline = _Outline()
    outline.feed(compose(composer, issue, make_paper(1), make_paper(2), make_paper(3)).html)
    assert [tag for tag in outline.tags if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h3", "h2", "h3", "h3"]
    assert not {"img", "script", "form", "iframe"} & set(outline.tags)
