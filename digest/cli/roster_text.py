"""Subscribers back to the text of subscribers.yaml; what equals the default is left out."""

import io
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML

from digest.models import Subscriber, Topic
from digest.schedule import describe

_PLAIN = ("max_papers", "cut", "trending", "revisions", "quiet_note", "citations")
_DEFAULTS = Subscriber(id=0, email="")


def to_yaml(found: Sequence[Subscriber]) -> str:
    """A document with the key `subscribers`, which the import reads back."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 110
    stream = io.StringIO()
    yaml.dump({"subscribers": [as_entry(subscriber) for subscriber in found]}, stream)
    return stream.getvalue()


def as_entry(subscriber: Subscriber) -> dict[str, Any]:
    """One item of `subscribers:`."""
    entry: dict[str, Any] = {"email": subscriber.email}
    if subscriber.name:
        entry["name"] = subscriber.name
    entry["topics"] = [_topic(topic) for topic in subscriber.topics]
    entry["schedule"] = describe(subscriber.schedule)
    for key in _PLAIN:
        if getattr(subscriber, key) != getattr(_DEFAULTS, key):
            entry[key] = getattr(subscriber, key)
    if subscriber.sources:
        entry["sources"] = list(subscriber.sources)
    if subscriber.pause_until:
        entry["pause_until"] = subscriber.pause_until.date()
    return entry


def _topic(topic: Topic) -> str | dict[str, Any]:
    entry: dict[str, Any] = {"name": topic.name}
    if topic.about:
        entry["about"] = topic.about
    for key in ("keywords", "exclude", "authors", "categories", "liked", "disliked"):
        if values := getattr(topic, key):
            entry[key] = list(values)
    if topic.weight != 1.0:
        entry["weight"] = topic.weight
    return entry if len(entry) > 1 else topic.name
