"""Authors whose names come in parts (`given_name`, `last_name`), as in JOSS: feedparser keeps the last alone.

Read from the document once more, and only where an item shows such parts. Pure.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from digest.ingest.parse import names
from digest.ingest.parse.text import joined

#: What the parts of a name are called, `_` and `-` aside, in the order in which a name is written.
_PARTS = (
    ("given", "givenname", "givennames", "firstname", "forename", "forenames"),
    ("middlename", "middlenames"),
    ("family", "familyname", "lastname", "surname", "keyname"),
    ("suffix",),
)
_SURNAMES = frozenset(_PARTS[2])
_LEFT_OVER = _SURNAMES | {"family_name", "family-name", "last_name", "last-name"}
_ITEMS = frozenset({"item", "entry"})
_PEOPLE = frozenset({"author", "creator"})


def in_parts(items: Iterable[Any]) -> bool:
    """True if an item has a surname of its own: feedparser left it over from the last author."""
    return not all(map(_LEFT_OVER.isdisjoint, items))


def add_authors(items: Sequence[Any], body: bytes) -> None:
    """Give every item the authors that the document names in parts; a broken document changes nothing."""
    try:
        found = list(_authors(body))
    except (ET.ParseError, ValueError, LookupError):
        return
    if len(found) != len(items):
        return
    for item, people in zip(items, found, strict=True):
        if people:
            item["authors"] = [{"name": name} for name in people]


def _authors(body: bytes) -> Iterator[tuple[str, ...]]:
    """The authors of each entry of a feed, in its order. Raises ElementTree's errors."""
    for _, element in ET.iterparse(BytesIO(body)):
        if _local(element) in _ITEMS:
            yield names.cleaned(_name(one) for one in element.iter() if _local(one) in _PEOPLE)
            element.clear()


def _name(person: ET.Element) -> str:
    """Given name first; the name that is whole, if there is one; empty for people who are no authors."""
    parts = {_plain(_local(part)): joined(part.text) for part in person}
    if whole := parts.get("name"):
        return whole
    if _SURNAMES.isdisjoint(parts):
        return ""
    return joined(" ".join(next((parts[key] for key in keys if key in parts), "") for keys in _PARTS))


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
