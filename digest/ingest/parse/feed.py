"""RSS, Atom and RDF, by feedparser; each item is given to the dialect that wrote it. Pure.

feedparser's sanitiser and its resolving of addresses are off: both take arXiv's plain text for HTML and
delete `<EOS>` and `p<q`. `bozo` is no verdict: an error page has none, a good feed after a blank line has
one.
"""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import feedparser

from digest.errors import ParseError
from digest.ingest.parse import arxiv, dates, journal, people
from digest.ingest.parse.document import Document
from digest.ingest.parse.text import joined
from digest.models import Entry

#: Twice as many as any feed that was ever recorded, ten times what is read in a day.
MOST_ENTRIES = 20_000

#: Entries that are handed on together.
BATCH = 500

Emit = Callable[[list[Entry]], None]

_CUT = "the feed breaks off; its last whole entry and all before it were read"
_TOO_MANY = "{} entries in one feed; only the first " + str(MOST_ENTRIES) + " were read"

_ROOT = re.compile(
    rb"(?:\s|\xef\xbb\xbf|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*>)*<(rss|feed|rdf:RDF)[\s>]", re.DOTALL
)
_ENDS = {  # what ends an entry, and what must be added after the last whole one
    b"rss": (b"</item>", b"</channel></rss>"),
    b"feed": (b"</entry>", b"</feed>"),
    b"rdf:RDF": (b"</item>", b"</rdf:RDF>"),
}


def read(body: bytes, emit: Emit | None = None) -> Document:
    """The entries of a feed. Raises ParseError if the document is none.

    `emit` is given the entries in lists while they are made; the document then holds none.
    """
    body = body.lstrip(b" \t\r\n")  # a blank line before the XML declaration makes the whole feed ill-formed
    mended = _mended(body)
    found = feedparser.parse(BytesIO(mended or body), sanitize_html=False, resolve_relative_uris=False)
    if not found.version and not found.entries:
        raise ParseError(_reason(body))
    items, channel = found.entries, found.feed
    ours = arxiv.wrote(items[0]) if items else arxiv.is_channel(channel)
    total = len(items)
    if people.in_parts(items):
        people.add_authors(items, mended or body)
    entries, skipped = _entries(items, channel, emit)
    damaged = isinstance(found.get("bozo_exception"), Exception) and not _harmless(found)
    return Document(
        format=_format(channel, found.version) if ours else found.version,
        entries=tuple(entries),
        title=joined(channel.get("title")),
        published_at=dates.of_struct(_channel_date(channel)),
        whole=not mended and not damaged and total <= MOST_ENTRIES,
        note=_CUT if mended else _TOO_MANY.format(total) if total > MOST_ENTRIES else None,
        skipped=skipped,
        total=_number(channel.get("opensearch_totalresults")),
    )


def _entries(items: list[Any], channel: Any, emit: Emit | None) -> tuple[list[Entry], int]:
    """Map and forget each item at once: feedparser's tree takes ten times the room of our entries."""
    del items[MOST_ENTRIES:]
    items.reverse()
    entries: list[Entry] = []
    skipped = 0
    while items:
        item = dict(items.pop())  # a plain one: feedparser's own looks up synonyms at every access
        entry = arxiv.entry(item, channel) if arxiv.wrote(item) else journal.entry(item, channel)
        if entry is None:
            skipped += 1
        else:
            entries.append(entry)
        if emit and len(entries) >= BATCH:
            emit(entries)
            entries = []
    return entries, skipped


def _mended(body: bytes) -> bytes | None:
    """A cut document, closed after its last whole entry; None if it is whole (or in UTF-16).

    Raises ParseError if nothing of it is whole.
    """
    root = _ROOT.match(body[:4096])
    if root is None or b"</" + root[1] in body[-4096:]:
        return None
    end, closing = _ENDS[root[1]]
    if end not in body:
        raise ParseError("the feed breaks off before its first entry is whole")
    return body[: body.rfind(end) + len(end)] + closing


def _harmless(found: Any) -> bool:
    return isinstance(
        found.bozo_exception, feedparser.CharacterEncodingOverride | feedparser.NonXMLContentType
    )


def _channel_date(channel: Any) -> Any:
    return channel.get("published_parsed") or channel.get("updated_parsed")


def _format(channel: Any, version: str) -> str:
    """arXiv's daily feeds hold one batch; the answers of its API are a list of any size."""
    return "arxiv-api" if "opensearch_totalresults" in channel else f"arxiv {version}"


def _number(text: object) -> int | None:
    return int(text) if isinstance(text, str) and re.fullmatch(r"\d{1,9}", text) else None


def _reason(body: bytes) -> str:
    start = body[:2000].lower()
    if b"<html" in start or b"<!doctype html" in start:
        return "the answer is a web page, not a feed; open the address in a browser to see why"
    words = joined(body[:80].decode("utf-8", "replace"))
    return f"the answer is not a feed (it begins with {words!r})"
