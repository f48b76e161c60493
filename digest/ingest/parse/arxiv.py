"""arXiv's own dialects: the daily feeds (Atom and RSS 2.0), the RDF of before 2024, the API. Pure.

Titles and abstracts are plain text and stay as they are, `<EOS>` and `$p<q$` included.
Sources: https://info.arxiv.org/help/rss.html, https://info.arxiv.org/help/api/user-manual.html
"""

import re
from datetime import datetime
from typing import Any

from digest import identifiers
from digest.errors import ParseError
from digest.ingest.parse import dates, names, withdrawals
from digest.ingest.parse.text import joined, title
from digest.models import Announcement, Entry

_PREFIX = re.compile(r"^arXiv:\S+\s+Announce Type:\s*([\w-]+)\s*(?:Abstract:\s*)?", re.IGNORECASE)
_LEGACY = re.compile(
    r"\.?\s*\(arXiv:(?P<id>[^\s)]+)\s+\[(?P<category>[^\]]+)\](?P<kind>\s+UPDATED|\s+CROSS LISTED)?\)\s*$"
)
_LEGACY_KINDS = {"UPDATED": Announcement.REPLACE, "CROSS LISTED": Announcement.CROSS, "": Announcement.NEW}


def wrote(item: Any) -> bool:
    """True if an item of a feed is arXiv's own; other people's items may link to arXiv as well."""
    guid = str(item.get("id") or "")
    return (
        guid.lower().startswith(("oai:arxiv.org:", "http://arxiv.org/abs/", "https://arxiv.org/api/errors"))
        or "arxiv_announce_type" in item
        or "arxiv_primary_category" in item
        or _PREFIX.match(str(item.get("summary") or "")) is not None
        or _LEGACY.search(str(item.get("title") or "")) is not None
    )


def is_channel(channel: Any) -> bool:
    """True for a feed of arXiv's own, which may be empty."""
    address = str(channel.get("link") or "") + " " + str(channel.get("id") or "")
    return re.search(r"https?://(?:rss\.|export\.)?arxiv\.org/", address) is not None


def entry(item: Any, channel: Any) -> Entry | None:
    """One item; None if it has neither title nor id. Raises ParseError for the API's error entry."""
    guid, link = str(item.get("id") or ""), str(item.get("link") or "")
    if "arxiv.org/api/errors" in guid:
        raise ParseError(f"arXiv refuses the query: {joined(item.get('summary'))}")
    words = joined(item.get("title"))
    legacy = _LEGACY.search(words) if "(arXiv:" in words else None
    found = _identifier(guid, link, legacy)
    abstract, announced = _abstract(item, legacy)
    name = title(words[: legacy.start()] if legacy else words)
    if found is None and not name:
        return None
    version = found[1] if found else None
    comment = joined(item.get("arxiv_comment"))
    return Entry(
        entry_id=guid or link or name,
        title=name,
        abstract=abstract,
        authors=_authors(item),
        url=f"https://arxiv.org/abs/{found[0]}" if found else "",
        arxiv_id=found[0] if found else None,
        doi=_journal_doi(item),
        version=version,
        categories=_categories(item, legacy),
        announced=announced,
        published_at=_published(item, channel, announced, found[0] if found else None),
        venue=joined(item.get("arxiv_journal_reference") or item.get("arxiv_journal_ref")),
        comment=comment,
        licence=joined(item.get("rights")) if "://" in str(item.get("rights")) else "",
        withdrawn=withdrawals.told(abstract, comment),
    )


def _identifier(guid: str, link: str, legacy: re.Match[str] | None) -> tuple[str, int | None] | None:
    """From the id, else the link; the version may come from any of them if it is the same paper."""
    if (own := identifiers.arxiv_id(guid)) and own[1]:
        return own
    candidates = [guid, legacy["id"] if legacy else "", link]
    found = [known for text in candidates if (known := identifiers.arxiv_id(text))]
    if not found:
        return None
    versions = [version for identifier, version in found if identifier == found[0][0] and version]
    return found[0][0], versions[0] if versions else None


def _abstract(item: Any, legacy: re.Match[str] | None) -> tuple[str, Announcement]:
    raw = str(item.get("summary") or "")
    if legacy and not _PREFIX.match(joined(raw)):
        return _paragraph(raw), _LEGACY_KINDS[(legacy["kind"] or "").strip()]
    text = joined(raw)
    prefix = _PREFIX.match(text)
    said = str(item.get("arxiv_announce_type") or (prefix[1] if prefix else "")).strip().lower()
    announced = Announcement(said) if said in _WORDS else Announcement.ABSENT
    return (text[prefix.end() :] if prefix else text), announced


_WORDS = frozenset({"new", "cross", "replace", "replace-cross"})


def _paragraph(raw: str) -> str:
    """The RDF's `<p>…</p>` around text that is plain otherwise."""
    return joined(re.sub(r"^\s*<p>|</p>\s*$", "", raw))


def _authors(item: Any) -> tuple[str, ...]:
    listed = [author.get("name") for author in item.get("authors") or () if author.get("name")]
    if len(listed) > 1:
        return names.cleaned(listed)
    return names.split_given_first(listed[0] if listed else item.get("author"))


def _journal_doi(item: Any) -> str | None:
    named = identifiers.doi(str(item.get("arxiv_doi") or "").split(" ")[0])
    return None if named and named.startswith("10.48550/arxiv.") else named


def _categories(item: Any, legacy: re.Match[str] | None) -> tuple[str, ...]:
    primary = (item.get("arxiv_primary_category") or {}).get("term")
    terms = [dict.get(tag, "term") for tag in item.get("tags") or ()]  # past feedparser's synonyms
    first = [primary] if primary else [legacy["category"]] if legacy else []
    return tuple(dict.fromkeys(joined(term) for term in [*first, *terms] if term))


def _published(item: Any, channel: Any, announced: Announcement, identifier: str | None) -> datetime | None:
    """The day of announcement dates new papers only; a cross-list or replacement may be years younger."""
    at = dates.of_struct(item.get("published_parsed"))
    if announced is Announcement.ABSENT:
        return at
    if announced.is_replacement:
        return None
    at = at or dates.of_struct(channel.get("published_parsed") or channel.get("updated_parsed"))
    if announced is Announcement.CROSS and at and identifier:
        start, end = identifiers.month(identifier)
        return at if start <= at < end else None
    return at
