"""What a reader wishes, as JSON and back: kept with an ask until it is confirmed; the export. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from digest.models import Subscriber, Topic
from digest.schedule import describe, parse_schedule

_LISTS = ("keywords", "exclude", "authors", "categories", "liked", "disliked")


def to_json(reader: Subscriber, *, welcome: bool = True) -> dict[str, Any]:
    """Topics, schedule and the like: everything that a reader chooses but the address."""
    return {
        "topics": [_topic(topic) for topic in reader.topics],
        "schedule": describe(reader.schedule),
        "max_papers": reader.max_papers,
        "cut": reader.cut,
        "trending": reader.trending,
        "revisions": reader.revisions,
        "quiet_note": reader.quiet_note,
        "citations": reader.citations,
        "sources": list(reader.sources),
        "welcome": welcome,
    }


def from_json(email: str, wishes: Mapping[str, Any]) -> Subscriber:
    """The subscriber that was wished for, not stored yet."""
    plain = {name: wishes[name] for name in ("max_papers", "cut", "trending", "revisions", "quiet_note")}
    return Subscriber(
        id=0,
        email=email,
        topics=tuple(_topic_of(topic) for topic in wishes["topics"]),
        schedule=parse_schedule(wishes["schedule"]),
        citations=wishes["citations"],
        sources=tuple(wishes["sources"]),
        **plain,
    )


def _topic(topic: Topic) -> dict[str, Any]:
    return {name: list(value) if name in _LISTS else value for name, value in asdict(topic).items()}


def _topic_of(stored: Mapping[str, Any]) -> Topic:
    values: dict[str, Any] = {
        name: tuple(value) if name in _LISTS else value for name, value in stored.items()
    }
    return Topic(**values)
