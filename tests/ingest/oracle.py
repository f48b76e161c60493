"""What a right run must come to, computed from the raw XML by other means than the product's.

No feedparser, no product code: ElementTree and a regular expression, day by day, for arXiv's feeds alone.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field

ARXIV = "{http://arxiv.org/schemas/atom}"
STRENGTH = ("new", "cross", "replace", "replace-cross")


@dataclass(frozen=True)
class Item:
    id: str
    version: int
    kind: str
    title: str
    abstract: str


@dataclass
class Day:
    papers: int = 0
    first_seen: int = 0
    new: int = 0
    cross_only: int = 0
    replacement_only: int = 0
    higher_version: int = 0
    items: dict[str, int] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)


def items(body: bytes) -> list[Item]:
    """The items of a raw RSS 2.0 feed of arXiv."""
    return [_item(item) for item in ET.fromstring(body).iter("item")]


def _item(item: ET.Element) -> Item:
    found = re.fullmatch(r"oai:arXiv\.org:(.+)v(\d+)", item.findtext("guid", ""))
    assert found is not None
    text = " ".join(item.findtext("description", "").split())
    abstract = re.sub(r"^arXiv:\S+ Announce Type: \S+ Abstract: ?", "", text)
    title = " ".join(item.findtext("title", "").split())
    kind = item.findtext(f"{ARXIV}announce_type") or re.findall(r"Announce Type: (\S+)", text)[0]
    return Item(found[1], int(found[2]), kind, title, abstract)


def count(days: Mapping[str, Mapping[str, bytes]]) -> tuple[dict[str, Day], dict[str, int]]:
    """The counts of every day (day -> feed -> bytes), and the highest version of every paper."""
    versions: dict[str, int] = {}
    previous: dict[str, set[str]] = {}
    result: dict[str, Day] = {}
    for name, feeds in sorted(days.items()):
        day = result[name] = Day()
        today: dict[str, list[Item]] = {}
        for feed, body in feeds.items():
            found = items(body)
            day.items[feed] = len(found)
            ids = {item.id for item in found}
            if ids and len(ids & previous.get(feed, set())) >= 0.9 * len(ids):
                day.stale.append(feed)
            previous[feed] = ids or previous.get(feed, set())
            for item in found:
                today.setdefault(item.id, []).append(item)
        _tally(day, today, versions)
    return result, versions


def _tally(day: Day, today: dict[str, list[Item]], versions: dict[str, int]) -> None:
    day.papers = len(today)
    for identifier, seen in today.items():
        version = max(item.version for item in seen)
        if identifier not in versions:
            kind = min((item.kind for item in seen), key=STRENGTH.index)
            day.first_seen += 1
            day.new += kind == "new"
            day.cross_only += kind == "cross"
            day.replacement_only += kind.startswith("replace")
        day.higher_version += version > versions.get(identifier, version)
        versions[identifier] = max(version, versions.get(identifier, 0))
