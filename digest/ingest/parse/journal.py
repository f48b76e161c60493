"""Items of journals, preprint servers and other people's feeds. Pure."""

import hashlib
from typing import Any

from digest import identifiers
from digest.ingest.parse import dates, names
from digest.ingest.parse.text import joined, link, plain
from digest.models import Announcement, Entry


def entry(item: Any, _channel: Any) -> Entry | None:
    """One item; None if it has neither title nor address."""
    name, address = plain(item.get("title")), link(item.get("link"))
    if not name and not address:
        return None
    known = _arxiv(item)
    return Entry(
        entry_id=joined(item.get("id")) or address or _hash(name),
        title=name,
        abstract=plain(item.get("summary")),
        authors=_authors(item),
        url=address,
        arxiv_id=known[0] if known else None,
        doi=_doi(item),
        version=known[1] if known else None,
        categories=tuple(
            dict.fromkeys(joined(tag.get("term")) for tag in item.get("tags") or () if tag.get("term"))
        ),
        announced=Announcement.PUBLISHED,
        published_at=dates.of_struct(item.get("published_parsed") or item.get("updated_parsed")),
        venue=joined(item.get("prism_publicationname") or item.get("dc_source")),
        licence=joined(item.get("rights")) if "://" in str(item.get("rights")) else "",
    )


def _arxiv(item: Any) -> tuple[str, int | None] | None:
    for field in ("id", "link"):
        text = str(item.get(field) or "")
        if "/" in text and (found := identifiers.arxiv_id(text)):
            return found
    return None


def _doi(item: Any) -> str | None:
    for field in ("prism_doi", "dc_identifier", "id", "link"):
        named = identifiers.doi(str(item.get(field) or ""))
        if named and not named.startswith("10.48550/arxiv."):
            return named
    return None


def _authors(item: Any) -> tuple[str, ...]:
    listed = [author.get("name") for author in item.get("authors") or () if author.get("name")]
    return (
        names.cleaned(listed) if len(listed) > 1 else names.split(listed[0] if listed else item.get("author"))
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
