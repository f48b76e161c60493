"""Items of journals, preprint servers, PubMed and other people's feeds. Pure."""

import hashlib
import re
from datetime import datetime
from typing import Any

from digest import identifiers
from digest.ingest.parse import abstracts, dates, names, withdrawals
from digest.ingest.parse.text import from_html, joined, link, plain
from digest.models import Announcement, Entry

#: bioRxiv's and medRxiv's DOIs: Cold Spring Harbor until 2025, openRxiv since.
PREPRINTS = ("10.1101/", "10.64898/")

_IN_PATH = re.compile(r"/(10\.\d{4,9}/[^?#\s]+)")
_TAIL = re.compile(r"(?:v\d+)?(?:\.(?:full|abstract|short|pdf)|/(?:full|abstract|pdf|html|meta))*/?$")
_SUBJECT = re.compile(r"(?:bio|med)Rxiv Subject Collection:\s*(.+)", re.IGNORECASE)


def entry(item: Any, channel: Any) -> Entry | None:
    """One item; None if it has neither title nor address."""
    name, address = plain(item.get("title")), link(item.get("link"))
    if not name and not address:
        return None
    found = abstracts.find(item, name)
    known, named = _arxiv(item), doi(item) or identifiers.doi(found.doi)
    version = known[1] if known else preprint_version(item, named)
    announced = _announced(found.announced, version, named)
    return Entry(
        entry_id=joined(item.get("id")) or address or hashlib.sha256(name.encode()).hexdigest(),
        title=name,
        abstract=found.abstract,
        authors=_authors(item, found),
        url=address,
        arxiv_id=known[0] if known else None,
        doi=None if named and named.startswith("10.48550/arxiv.") else named,
        version=version,
        categories=_categories(item, channel),
        announced=announced,
        published_at=None if announced.is_replacement else _published(item),
        venue=_venue(item, name),
        comment=found.comment,
        licence=_licence(item),
        withdrawn=withdrawals.titled(name) or withdrawals.told(found.abstract, found.comment),
    )


def doi(item: Any) -> str | None:
    """The DOI of an item, from its own fields, its id or its address."""
    for field in ("prism_doi", "dc_identifier", "doi", "id", "link"):
        text = str(item.get(field) or "").partition("#")[0]
        if named := identifiers.doi(text.partition("?")[0]):
            versioned = field in ("id", "link") or named.startswith(PREPRINTS)
            return _TAIL.sub("", named) if versioned else named
        if field in ("id", "link") and (path := _IN_PATH.search(text)):
            return identifiers.doi(_TAIL.sub("", path[1]))
    return None


def preprint_version(item: Any, named: str | None) -> int | None:
    """The version in the address of a bioRxiv or medRxiv item."""
    if not named or not named.startswith(PREPRINTS):
        return None
    found = re.search(r"v(\d{1,3})(?:\.\w+)?(?:[?#]|$)", str(item.get("link") or ""))
    return int(found[1]) if found else None


def _announced(said: str, version: int | None, named: str | None) -> Announcement:
    if said in ("replace", "replace-cross", "cross", "new"):
        return Announcement(said)
    if version and version > 1 and named and named.startswith(PREPRINTS):
        return Announcement.REPLACE
    return Announcement.PUBLISHED


def _arxiv(item: Any) -> tuple[str, int | None] | None:
    """Only addresses and prefixed ids: a publisher's own `2101.12345` is a coincidence."""
    for field in ("id", "link"):
        text = str(item.get(field) or "")
        if re.search(r"[/:]", text) and (found := identifiers.arxiv_id(text)):
            return found
    return None


def _authors(item: Any, found: abstracts.Found) -> tuple[str, ...]:
    """Those of the item; those of its text if they are more than the one that the item names."""
    listed = [author.get("name") for author in item.get("authors") or () if author.get("name")]
    if len(listed) > 1:
        return names.listed(listed)
    named = names.split(listed[0] if listed else item.get("author"))
    return found.authors if len(found.authors) > len(named) else named


def _categories(item: Any, channel: Any) -> tuple[str, ...]:
    terms = [from_html(tag.get("term")) for tag in item.get("tags") or () if tag.get("term")]
    if subject := _SUBJECT.match(joined(channel.get("title"))):
        terms.insert(0, subject[1].lower())
    return tuple(dict.fromkeys(term for term in terms if term and len(term) <= 100))


def _published(item: Any) -> datetime | None:
    parsed = item.get("published_parsed") or item.get("updated_parsed")
    return dates.of_struct(parsed) or dates.of_text(item.get("prism_publicationdate"))


def _venue(item: Any, name: str) -> str:
    """Taylor & Francis put the article's title where the journal's name belongs."""
    for field in ("prism_publicationname", "prism_publicationtitle", "dc_source"):
        venue = plain(item.get(field))
        if venue and venue != name and len(venue) <= 200 and "ublished online" not in venue:
            return venue
    return ""


def _licence(item: Any) -> str:
    found = re.search(r"https?://creativecommons\.org/[\w./-]+", str(item.get("rights") or ""))
    return found[0] if found else ""
