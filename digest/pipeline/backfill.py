"""Ask arXiv's API or OAI-PMH for what its feeds give no more: the days that were missed.

Three seconds between two requests, one connection, Retry-After obeyed: https://info.arxiv.org/help/api/tou.html
"""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from digest.errors import SourceError
from digest.ingest import gaps
from digest.ingest.child import Reader
from digest.ingest.fetch import ARXIV_PAUSE, Fetcher
from digest.ingest.gaps import Gap
from digest.ingest.parse import Document
from digest.ingest.registries import rest
from digest.models import Entry, Source, SourceKind
from digest.pipeline.asking import Step

#: A Retry-After up to this many seconds is waited for: arXiv's OAI-PMH may ask for 20 before each page.
PATIENCE = 30.0

#: Names that mean something on this machine or its network alone (RFC 2606, RFC 6761, RFC 6762, RFC 9476).
_AT_HAND = (".localhost", ".local", ".lan", ".internal", ".home.arpa", ".alt", ".test", ".invalid")


def is_online(url: str) -> bool:
    """True for an address on the internet; what this machine or its network serves is a copy for trying."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    return "." in host and ":" not in host and not host.endswith(_AT_HAND) and not host[-1].isdigit()


def address_of(source: Source) -> str | None:
    """Where the gaps of a source are filled from; None for all but arXiv, and for copies at hand."""
    if source.kind is not SourceKind.ARXIV:
        return None
    return source.backfill_url or (gaps.API if is_online(source.url) else None)


def _is_here(url: str) -> bool:
    """True for a server on this very machine: somebody replays recordings, and no day of them is lost."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")


async def fill(
    source: Source, gap: Gap, fetcher: Fetcher, reader: Reader, *, now: datetime, step: Step
) -> tuple[list[Entry], Gap | None, str | None]:
    """The entries of a gap, what is left of it, and a sentence if that is something."""
    address = address_of(source)
    if address is None:
        return (
            [],
            None,
            None if _is_here(source.url) else f"{gap} was missed; name a `backfill_url` to fetch it",
        )
    category = source.name.partition(":")[2] or source.url.rpartition("/")[2]
    entries: list[Entry] = []
    try:
        for url in gaps.queries(address, category, gap):
            await _read_pages(url, entries, fetcher, reader, step)
    except SourceError as error:
        wait = rest(gap.failures + 1, refused=True, retry_after=error.retry_after)
        left = replace(gap, failures=gap.failures + 1, retry_at=now + wait)
        return gaps.as_announced(entries, gap), left, f"{gap} could not be filled in yet: {error}"
    return gaps.as_announced(entries, gap), None, None


async def _read_pages(url: str, entries: list[Entry], fetcher: Fetcher, reader: Reader, step: Step) -> None:
    """Add every page of a query; a server that repeats itself is left alone. Raises SourceError."""
    following: str | None = url
    seen: set[str] = set()
    read = 0
    while following is not None:
        document = await page(following, fetcher, reader)
        fresh = {entry.entry_id for entry in document.entries} - seen
        if not fresh:
            return
        seen |= fresh
        read += len(document.entries)
        entries += document.entries
        step(read, max(document.total or 0, read))
        if read > gaps.MOST_ROWS:
            raise SourceError(f"the answer has more than {gaps.MOST_ROWS} rows")
        following = gaps.following(following, document, read)


async def page(url: str, fetcher: Fetcher, reader: Reader) -> Document:
    """One whole answer, three seconds after the one before. Raises SourceError."""
    fetched = await fetcher.fetch(url, pause=ARXIV_PAUSE, patience=PATIENCE)
    document = await reader.parse(fetched.take())
    if fetched.cut or not document.whole:
        raise SourceError("the answer broke off")
    return document
