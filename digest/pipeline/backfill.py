"""Ask arXiv's API or OAI-PMH for what its feeds give no more: missed days, and papers that readers like.

Three seconds between two requests, one connection, Retry-After obeyed: https://info.arxiv.org/help/api/tou.html
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from digest import identifiers
from digest.errors import SourceError
from digest.ingest import gaps
from digest.ingest.child import Reader
from digest.ingest.fetch import ARXIV_PAUSE, Fetcher
from digest.ingest.gaps import Gap
from digest.ingest.parse import Document
from digest.models import Entry, Source, SourceKind

#: Liked papers a request: an address of this many ids is 1,300 characters long.
IDS = 100

_REST, _LONGEST_REST = timedelta(minutes=5), timedelta(hours=6)


def address_of(source: Source) -> str | None:
    """Where the gaps of a source are filled from; None for all but arXiv, and for copies without one."""
    if source.kind is not SourceKind.ARXIV:
        return None
    host = urlsplit(source.url).hostname or ""
    return source.backfill_url or (gaps.API if host.endswith("arxiv.org") else None)


async def fill(
    source: Source, gap: Gap, fetcher: Fetcher, reader: Reader, *, now: datetime
) -> tuple[list[Entry], Gap | None, str | None]:
    """The entries of a gap, what is left of it, and a sentence if that is something."""
    address = address_of(source)
    if address is None:
        return [], None, None
    category = source.name.partition(":")[2] or source.url.rpartition("/")[2]
    entries: list[Entry] = []
    try:
        for url in gaps.queries(address, category, gap):
            await _read_pages(url, entries, fetcher, reader)
    except SourceError as error:
        wait = max(_REST * 2 ** min(gap.failures, 10), timedelta(seconds=error.retry_after or 0.0))
        left = replace(gap, failures=gap.failures + 1, retry_at=now + min(wait, _LONGEST_REST))
        return gaps.as_announced(entries, gap), left, f"{gap} could not be filled in yet: {error}"
    return gaps.as_announced(entries, gap), None, None


async def liked(address: str, ids: Sequence[str], fetcher: Fetcher, reader: Reader) -> list[Entry]:
    """The papers behind arXiv ids. Raises SourceError."""
    entries: list[Entry] = []
    for start in range(0, len(ids), IDS):
        url = gaps.by_ids(address, ids[start : start + IDS])
        entries += (await _page(url, fetcher, reader)).entries
    return [entry for entry in entries if entry.arxiv_id in set(ids)]


def arxiv_ids(typed: Sequence[str]) -> dict[str, str]:
    """The arXiv ids among what readers typed, by what they typed; DOIs cannot be asked for."""
    found = {text: identifiers.arxiv_id(text) for text in typed}
    return {text: known[0] for text, known in found.items() if known}


async def _read_pages(url: str, entries: list[Entry], fetcher: Fetcher, reader: Reader) -> None:
    """Add every page of a query; a server that repeats itself is left alone. Raises SourceError."""
    following: str | None = url
    seen: set[str] = set()
    read = 0
    while following is not None:
        document = await _page(following, fetcher, reader)
        fresh = {entry.entry_id for entry in document.entries} - seen
        if not fresh:
            return
        seen |= fresh
        read += len(document.entries)
        entries += document.entries
        if read > gaps.MOST_ROWS:
            raise SourceError(f"the answer has more than {gaps.MOST_ROWS} rows")
        following = gaps.following(following, document, read)


async def _page(url: str, fetcher: Fetcher, reader: Reader) -> Document:
    fetched = await fetcher.fetch(url, pause=ARXIV_PAUSE)
    document = await reader.parse(fetched.take())
    if fetched.cut or not document.whole:
        raise SourceError("the answer broke off")
    return document
