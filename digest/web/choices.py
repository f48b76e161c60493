"""The sign-up form: fields -> what a reader wishes, each fault one sentence. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from digest.config import normalise_address
from digest.errors import RankError
from digest.match.rank import check_topic
from digest.models import Schedule, Subscriber, Topic
from digest.pipeline import reach
from digest.schedule import describe, parse_schedule

MAX_TOPICS, MAX_TOPIC = 20, 300

#: A reader without topics gets so many trending papers.
TRENDING_ALONE = 10

DAYS = (
    ("weekdays", "Every weekday"),
    ("daily", "Every day"),
    ("monday", "On Mondays"),
    ("tuesday", "On Tuesdays"),
    ("wednesday", "On Wednesdays"),
    ("thursday", "On Thursdays"),
    ("friday", "On Fridays"),
    ("saturday", "On Saturdays"),
    ("sunday", "On Sundays"),
    ("monthly on 1", "Once a month, on the 1st"),
)

_REGIONS = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a sign-up form holds, as typed."""

    topics: str = ""
    email: str = ""
    days: str = "weekdays"
    at: str = "07:30"
    zone: str = "UTC"
    trending: int = 0
    welcome: bool = True
    guess: bool = True  # the zone was not chosen yet
    all_days: tuple[tuple[str, str], ...] = DAYS


def read_choice(form: Mapping[str, str]) -> Choice:
    """The form as typed; nothing is checked yet."""
    return Choice(
        topics=form.get("topics", ""),
        email=form.get("email", "").strip(),
        days=form.get("days", "weekdays"),
        at=form.get("at", "07:30"),
        zone=form.get("zone", "UTC"),
        trending=min(number(form.get("trending", ""), 0), 50),
        welcome="welcome" in form,
        guess="zone" not in form,
    )


def to_reader(choice: Choice, *, carried: bool) -> Subscriber:
    """The subscriber that the form asks for, see `read_address`. Raises ValueError with a sentence."""
    topics = read_topics(choice.topics)
    trending = choice.trending if topics else max(choice.trending, TRENDING_ALONE)
    return Subscriber(
        id=0,
        email=read_address(choice.email, carried=carried),
        topics=topics,
        schedule=read_schedule(choice.days, choice.at, choice.zone),
        trending=trending,
    )


def read_address(text: str, *, carried: bool) -> str:
    """The address in its normal form. Raises ValueError with a sentence.

    `carried`: letters beyond ASCII before the @ reach their reader; else it is told now, not by silence.
    """
    email = normalise_address(text)
    if reason := reach.refusal(email, carried=carried):
        raise ValueError(reason)
    return email


def read_topics(text: str) -> tuple[Topic, ...]:
    """One topic a line, each once. Raises ValueError with a sentence."""
    lines = list(dict.fromkeys(one for line in text.splitlines() if (one := one_line(line))))
    if len(lines) > MAX_TOPICS:
        raise ValueError(f"{len(lines)} topics are too many; {MAX_TOPICS} are the most")
    for line in lines:
        if len(line) > MAX_TOPIC:
            raise ValueError(f"a topic of {len(line)} letters is too long; {MAX_TOPIC} are the most")
    topics = tuple(Topic(name=line) for line in lines)
    for topic in topics:
        refuse_empty(topic)
    return topics


def refuse_empty(topic: Topic) -> None:
    """Raise ValueError if there is nothing in the topic to rank by."""
    try:
        check_topic(topic)
    except RankError as error:
        raise ValueError(str(error)) from error


def sentence_of(error: ValueError) -> str:
    """A fault as a page says it: from a capital letter to a full stop."""
    text = str(error).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def read_schedule(days: str, at: str, zone: str) -> Schedule:
    """The schedule of the three fields. Raises ValueError with a sentence."""
    return parse_schedule(f"{days} at {at[:5]} {zone}")


def days_of(schedule: Schedule) -> str:
    """The value of the field `days` for a stored schedule."""
    return describe(schedule).partition(" at ")[0].removeprefix("weekly on ")


def all_days(schedule: Schedule) -> tuple[tuple[str, str], ...]:
    """The days to choose from; a schedule of other days stands first, in its own words."""
    days = days_of(schedule)
    if any(days == value for value, _ in DAYS):
        return DAYS
    return ((days, days.capitalize()), *DAYS)


def one_line(text: str) -> str:
    """Text of a field on one line, without controls."""
    return " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in text).split())


def number(text: str, default: int) -> int:
    """A whole number of a form, or the default."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else default


@cache
def zones() -> tuple[str, ...]:
    """The zones to choose from: places, and UTC first."""
    return ("UTC", *sorted(name for name in available_timezones() if name.startswith(_REGIONS)))
