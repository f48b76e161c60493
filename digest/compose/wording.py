"""The words around the papers: subject, date, first sentence, preview line. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from digest.compose import prose
from digest.compose.cards import clean_title
from digest.models import Issue, Paper, Site, Subscriber, Topic

#: Characters of the first title in a subject. Inboxes cut where they must; whole titles can be searched for.
TITLE = 150

#: Headings of the lists below the topics.
LISTS = ("More that matched", "Trending", "New versions of papers that you were sent")

#: Characters of a note, and of the sentence that names the topics.
NOTE, FOLLOWING = 400, 600

#: Words of a topic that are named as misspelt.
UNHEARD = 5


def subject(issue: Issue, papers: Mapping[str, Paper]) -> str:
    """What is inside: the first title and how many more."""
    shown = [match.paper_id for match in issue.shown if match.paper_id in papers]
    if titles := _titles(shown[:1], papers):
        first, more = prose.shorten(titles[0], TITLE), len(shown) - 1
        return f"{first}, and {more} more" if more else first
    if titles := _titles(issue.trending, papers):
        return f"Trending: {prose.shorten(titles[0], TITLE)}"
    if titles := _titles(issue.revised, papers):
        return f"New version: {prose.shorten(titles[0], TITLE)}"
    return "Nothing new for you today"


def preheader(issue: Issue, papers: Mapping[str, Paper]) -> str:
    """What an inbox shows after the subject: the next titles."""
    titles = _titles([match.paper_id for match in issue.shown[:4]], papers)[1:]
    return " · ".join(prose.shorten(title, 60) for title in titles)


def date(issue: Issue, subscriber: Subscriber) -> str:
    """The day of the issue where the subscriber lives."""
    return _day(issue.due_at, subscriber.schedule.zone)


@lru_cache(maxsize=256)
def _day(at: datetime, zone: str) -> str:
    day = at.astimezone(ZoneInfo(zone))
    return f"{day:%A}, {day.day} {day:%B} {day.year}"


def sentence(issue: Issue, subscriber: Subscriber, span: str | None = None) -> str:
    """How much of what was considered is shown; `span`: of which time, if not of that between two issues."""
    time = _span(subscriber) if span is None else span
    when = f" {time}" if time else ""
    count, considered = len(issue.shown), max(issue.considered, len(issue.shown))
    if not considered:
        return f"No new papers{when}."
    if not count:
        return f"Nothing for you among {considered:,} new {_papers(considered)}{when}."
    if count == considered:
        return f"{count:,} new {_papers(count)} for you{when}."
    return f"{count:,} of {considered:,} new papers for you{when}."


def unheard(topics: Mapping[Topic, Sequence[str]]) -> list[str]:
    """Of each topic some of the words that no paper holds, which may be misspelt."""
    return [
        f"{topic.name}: no paper says “{'”, “'.join(words[:UNHEARD])}”; is it spelled so?"
        for topic, words in topics.items()
    ]


def following(topics: Sequence[str]) -> str:
    """What the subscriber follows, in one sentence."""
    return prose.shorten(f"You follow {', '.join(topics)}.", FOLLOWING) if topics else ""


def note(issue: Issue) -> str:
    """What is missing, or why there is nothing."""
    return prose.shorten(prose.clean(issue.note), NOTE)


def matched(issue: Issue) -> str:
    """What was left out, in numbers."""
    return f"{issue.matched:,} of {issue.considered:,} matched, {len(issue.shown):,} shown."


def _span(subscriber: Subscriber) -> str:
    if subscriber.schedule.month_day is not None:
        return "this month"
    return "this week" if len(subscriber.schedule.weekdays) == 1 else "today"


def _papers(count: int) -> str:
    return "paper" if count == 1 else "papers"


def _titles(ids: Sequence[str], papers: Mapping[str, Paper]) -> list[str]:
    return [clean_title(papers[paper_id]) for paper_id in ids if paper_id in papers]


def imprint(site: Site) -> dict[str, str | None]:
    """Who writes, for every template."""
    return {"site": site.name, "postal_address": site.postal_address, "imprint": site.imprint_url}


def votes(paper: Paper | None) -> str:
    """The votes of a paper, if there are any."""
    if paper is None or not paper.votes:
        return ""
    return f"{paper.votes:,} vote{'' if paper.votes == 1 else 's'}"


def version(paper: Paper | None) -> str:
    """Which version is new."""
    return "" if paper is None else f"version {paper.version}"
