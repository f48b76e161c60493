"""The manage form: a subscriber as typed, and back; each fault one sentence. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from digest.config.shapes import identifier, named_apart
from digest.models import Subscriber, Topic
from digest.web.bibliography import read_bibliography
from digest.web.choices import MAX_TOPICS, all_days, days_of, number, one_line, read_schedule, refuse_empty

#: Field of a topic -> the longest text that it takes.
TOPIC_FIELDS = {
    "name": 200,
    "about": 3000,
    "keywords": 1000,
    "exclude": 1000,
    "authors": 2000,
    "categories": 500,
    "weight": 8,
    "liked": 20_000,
    "disliked": 20_000,
}

_COMMAS, _ANY = re.compile(r"[,;\n]"), re.compile(r"[,;\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The form as typed: texts, whatever they hold."""

    topics: tuple[Mapping[str, str], ...]
    name: str
    days: str
    at: str
    zone: str
    max_papers: str
    cut: str
    trending: str
    citations: str
    pause: str
    revisions: bool
    quiet_note: bool
    sources: tuple[str, ...]
    all_days: tuple[tuple[str, str], ...]
    guess: bool = False  # the zone is chosen


def draft_of(reader: Subscriber) -> Draft:
    """The form of what is stored."""
    pause = reader.pause_until
    return Draft(
        topics=tuple(_typed(topic) for topic in reader.topics),
        name=reader.name,
        days=days_of(reader.schedule),
        at=f"{reader.schedule.at:%H:%M}",
        zone=reader.schedule.zone,
        max_papers=str(reader.max_papers),
        cut=f"{reader.cut:g}",
        trending=str(reader.trending),
        citations=reader.citations,
        pause=f"{pause.astimezone(ZoneInfo(reader.schedule.zone)):%Y-%m-%d}" if pause else "",
        revisions=reader.revisions,
        quiet_note=reader.quiet_note,
        sources=reader.sources,
        all_days=all_days(reader.schedule),
    )


def read_draft(form: Mapping[str, str], reader: Subscriber) -> Draft:
    """The form as sent; topics that were emptied are gone."""
    count = min(number(form.get("count", ""), 0), MAX_TOPICS + 1)
    rows = [{name: form.get(f"t{place}-{name}", "") for name in TOPIC_FIELDS} for place in range(count)]
    return Draft(
        topics=tuple(row for row in rows if _is_filled(row)),
        name=one_line(form.get("name", ""))[:200],
        days=form.get("days", ""),
        at=form.get("at", ""),
        zone=form.get("zone", ""),
        max_papers=form.get("max_papers", ""),
        cut=form.get("cut", ""),
        trending=form.get("trending", ""),
        citations=form.get("citations", ""),
        pause=form.get("pause", ""),
        revisions="revisions" in form,
        quiet_note="quiet_note" in form,
        sources=tuple(name.removeprefix("source-") for name in form if name.startswith("source-")),
        all_days=all_days(reader.schedule),
    )


def _is_filled(row: Mapping[str, str]) -> bool:
    return any(text.strip() for name, text in row.items() if name != "weight")


def edited(draft: Draft, action: str, pasted: str) -> Draft:
    """The draft after one of the buttons of a topic, or with a pasted list. Raises ValueError."""
    verb, _, place = action.partition("-")
    topics, at = list(draft.topics), number(place, -1)
    if verb == "add":
        topics.append(_typed(Topic(name="")))
    elif verb == "paste":
        topics.append(_from_papers(pasted))
    elif 0 <= at < len(topics):
        moved = topics.pop(at)
        if verb in ("up", "down"):
            topics.insert(max(at - 1, 0) if verb == "up" else at + 1, moved)
    return replace(draft, topics=tuple(topics[: MAX_TOPICS + 1]))


def to_subscriber(draft: Draft, reader: Subscriber, now: datetime, families: tuple[str, ...]) -> Subscriber:
    """The subscriber that the form asks for. Raises ValueError with a sentence."""
    if len(draft.topics) > MAX_TOPICS:
        raise ValueError(f"{MAX_TOPICS} topics are the most")
    topics = named_apart(tuple(_topic(row) for row in draft.topics))
    schedule = read_schedule(draft.days, draft.at, draft.zone)
    if draft.citations not in ("", "bibtex", "ris"):
        raise ValueError("citations are BibTeX, RIS or none")
    chosen = tuple(family for family in draft.sources if family in families)
    return replace(
        reader,
        topics=topics,
        name=draft.name,
        schedule=schedule,
        max_papers=_within(draft.max_papers, 1, 200, "the number of papers"),
        cut=float(_within(draft.cut, 0, 100, "the cut")),
        trending=_within(draft.trending, 0, 50, "the number of trending papers"),
        citations=draft.citations,
        revisions=draft.revisions,
        quiet_note=draft.quiet_note,
        sources=() if set(chosen) == set(families) else chosen,
        pause_until=_pause(draft.pause, schedule.zone, now),
    )


def _typed(topic: Topic) -> dict[str, str]:
    return {
        "name": topic.name,
        "about": topic.about,
        "keywords": ", ".join(topic.keywords),
        "exclude": ", ".join(topic.exclude),
        "authors": ", ".join(topic.authors),
        "categories": ", ".join(topic.categories),
        "weight": f"{topic.weight:g}",
        "liked": " ".join(topic.liked),
        "disliked": " ".join(topic.disliked),
    }


def _topic(row: Mapping[str, str]) -> Topic:
    for name, longest in TOPIC_FIELDS.items():
        if len(row[name]) > longest:
            raise ValueError(f"{len(row[name])} letters in {name} are too many; {longest} are the most")
    about = one_line(row["about"])
    topic = Topic(
        name=one_line(row["name"]) or about[:60] or "My papers",
        about=about,
        keywords=_parts(row["keywords"], _COMMAS),
        exclude=_parts(row["exclude"], _COMMAS),
        authors=_parts(row["authors"], _COMMAS),
        categories=_parts(row["categories"], _ANY),
        weight=_weight(row["weight"]),
        liked=tuple(map(identifier, _parts(row["liked"], _ANY))),
        disliked=tuple(map(identifier, _parts(row["disliked"], _ANY))),
    )
    refuse_empty(topic)
    return topic


def _parts(text: str, between: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for raw in between.split(text) if (part := one_line(raw))))[:300]


def _weight(text: str) -> float:
    try:
        weight = float(text.strip().replace(",", ".") or 1)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= 100:
        raise ValueError("the weight of a topic is a number above 0, 1 by default, at most 100")
    return weight


def _within(text: str, least: int, most: int, what: str) -> int:
    value = number(text.strip(), -1)
    if not least <= value <= most:
        raise ValueError(f"{what} is a whole number from {least} to {most}")
    return value


def _pause(text: str, zone: str, now: datetime) -> datetime | None:
    """The midnight, in the reader's zone, on which a pause ends; a day that is past is none."""
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
        end = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("the end of a pause is a day such as 2026-05-01") from error
    return end if end > now else None


def _from_papers(pasted: str) -> dict[str, str]:
    """A topic out of a bibliography: its papers as liked ones, its titles as the words."""
    found = read_bibliography(pasted)
    about = one_line(". ".join(found.titles))[: TOPIC_FIELDS["about"]]
    return _typed(Topic(name="Like my papers", about=about, liked=found.ids))
