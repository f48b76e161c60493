"""The JSON of bioRxiv's and medRxiv's API (`/details/SERVER/INTERVAL/CURSOR`). Pure.

Missing values are `NA`, numbers may be strings, several versions of one DOI may be in one answer.
"""

import re
from typing import Any

from digest import identifiers
from digest.ingest.parse import dates, names, withdrawals
from digest.ingest.parse.document import Document
from digest.ingest.parse.text import joined, plain
from digest.models import Announcement, Entry


def wrote(data: Any) -> bool:
    """True for an object with `messages` and `collection`."""
    return isinstance(data, dict) and isinstance(data.get("collection"), list) and "messages" in data


def read(data: dict[str, Any]) -> Document:
    """Every preprint; `following` is the cursor of the next page."""
    records = data["collection"]
    entries = [entry for record in records if isinstance(record, dict) and (entry := _entry(record))]
    message = next((one for one in data["messages"] or [] if isinstance(one, dict)), {})
    total, at = _number(message.get("total")), _number(message.get("cursor")) or 0
    more = total is not None and records and at + len(records) < total
    return Document(
        format="biorxiv",
        entries=tuple(entries),
        skipped=len(records) - len(entries),
        following=str(at + len(records)) if more else None,
        total=total,
    )


def _entry(record: dict[str, Any]) -> Entry | None:
    doi, title = identifiers.doi(_said(record, "doi")), plain(_said(record, "title"))
    if not doi or not title:
        return None
    version = min(_number(record.get("version")) or 1, 9_999)
    server = "medrxiv" if "medrxiv" in f"{record.get('server')}{record.get('jatsxml')}".lower() else "biorxiv"
    return Entry(
        entry_id=f"doi:{doi}v{version}",
        title=title,
        abstract=plain(_said(record, "abstract")),
        authors=names.split(_said(record, "authors")),
        url=f"https://www.{server}.org/content/{doi}v{version}",
        doi=doi,
        version=version,
        categories=tuple(filter(None, [_said(record, "category").lower()])),
        announced=Announcement.PUBLISHED if version == 1 else Announcement.REPLACE,
        published_at=dates.of_text(record.get("date")) if version == 1 else None,
        venue={"medrxiv": "medRxiv", "biorxiv": "bioRxiv"}[server],
        withdrawn=_is_withdrawn(record, title),
    )


def _is_withdrawn(record: dict[str, Any], title: str) -> bool:
    """By its type, its title, or the sentence that the servers put in place of the abstract."""
    gone = _said(record, "type").lower() == "withdrawn"
    return gone or withdrawals.titled(title) or withdrawals.told(_said(record, "abstract"))


def _said(record: dict[str, Any], key: str) -> str:
    text = joined(record.get(key))
    return "" if text in ("NA", "N/A") else text


def _number(value: Any) -> int | None:
    if type(value) is int:
        return value if 0 <= value < 10**9 else None
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value) else None
