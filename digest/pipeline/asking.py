"""Ask one source for everything that it may have: fetch and parse, no storage. Part of the step `ingest`."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from digest.errors import FetchError, ParseError, SourceError
from digest.ingest import example
from digest.ingest.child import Reader
from digest.ingest.fetch import Fetched, Fetcher, Validators
from digest.ingest.gaps import Gap
from digest.ingest.parse import Document
from digest.models import Entry, Source, SourceKind
from digest.storage.sources import Kept

#: Hugging Face's votes grow for two weeks after a listing: so far back its days are read again.
LISTED_DAYS = 14

#: How long the lists of earlier days are left alone.
EARLIER_DAYS_REST = timedelta(hours=6)

#: Pages of one answer; a fortnight of bioRxiv has 90.
MOST_PAGES = 200

_PAGED = re.compile(r"(.*/details/\w+/[^/?]+(?:/[^/?]+)?/)\d+(/?(?:\?.*)?)")

Step = Callable[[int, int], None]


@dataclass(slots=True, kw_only=True)
class Asked:
    """What a source answered; filled while it is asked."""

    documents: list[Document] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)  # validators to remember
    dropped: list[str] = field(default_factory=list)  # addresses whose next answer must come whole
    nothing_today: bool = False  # the newest of several dated addresses does not exist
    error: str | None = None
    failed: bool = False  # no usable answer
    retry_after: float | None = None
    gap: Gap | None = None  # publishing days that are still missing
    gap_error: str | None = None
    filled: list[Entry] = field(default_factory=list)  # of the days that were missing


def _is_recent(known: Kept | None, now: datetime) -> bool:
    """An earlier day's list changes slowly: asking for it every quarter of an hour would be rude."""
    return known is not None and timedelta() <= now - known.fetched_at < EARLIER_DAYS_REST


def addresses(source: Source, now: datetime) -> list[str]:
    """What to ask a source for, the most important address first."""
    if source.kind is not SourceKind.HUGGINGFACE:
        return [source.url]
    joint = "&" if urlsplit(source.url).query else "?"
    today = now.astimezone(UTC).date()
    return [f"{source.url}{joint}date={today - timedelta(days=n)}" for n in range(LISTED_DAYS)]


async def ask(
    source: Source,
    known: Mapping[str, Kept],
    fetcher: Fetcher,
    reader: Reader,
    *,
    now: datetime,
    step: Step,
) -> Asked:
    """Every address of a source; what fails is told in the result and nothing is raised."""
    asked = Asked()
    if source.kind is SourceKind.EXAMPLE:
        await _ask_example(source, known, asked, now)
        step(1, 1)
        return asked
    urls = addresses(source, now)
    step(0, len(urls))
    for place, url in enumerate(urls):
        if place and _is_recent(known.get(url), now):
            continue
        if not await _ask_one(url, known.get(url), fetcher, reader, asked, now):
            break
        step(place + 1, len(urls))
    step(len(urls), len(urls))
    return asked


async def _ask_one(
    url: str, known: Kept | None, fetcher: Fetcher, reader: Reader, asked: Asked, now: datetime
) -> bool:
    """One address; False if it makes no sense to ask for the others."""
    try:
        fetched = await fetcher.fetch(url, _validators(known))
        document = None
        if fetched.body is not None and not _repeats(fetched, asked):
            document = await reader.parse(fetched.take())
            asked.documents.append(document)
            await _ask_pages(url, document, fetcher, reader, asked)
    except FetchError as error:
        if error.status == 404 and "date=" in url:
            asked.nothing_today = asked.nothing_today or not (asked.documents or asked.kept)
            asked.kept.append(Kept(url=url, fetched_at=now, **_fields(Validators())))
            return True
        _note(asked, error)
        return False
    except ParseError as error:
        asked.dropped.append(url)
        _note(asked, error)
        return True
    _remember(url, fetched, document, asked, now)
    return True


async def _ask_pages(url: str, first: Document, fetcher: Fetcher, reader: Reader, asked: Asked) -> None:
    """The rest of an answer that comes in pages: bioRxiv's API gives 30 records at a time."""
    document, pages = first, 1
    while (following := next_page(url, document)) and document.entries and pages < MOST_PAGES:
        fetched = await fetcher.fetch(following)
        document = await reader.parse(fetched.take())
        asked.documents.append(document)
        pages += 1


def next_page(url: str, document: Document) -> str | None:
    """The address of the next page of bioRxiv's or medRxiv's API; None for everything else."""
    found = _PAGED.fullmatch(url)
    if document.format != "biorxiv" or document.following is None or found is None:
        return None
    return f"{found[1]}{document.following}{found[2]}"


def _remember(url: str, fetched: Fetched, document: Document | None, asked: Asked, now: datetime) -> None:
    """Keep validators only of what was read whole: the rest of a cut document must come again."""
    if fetched.cut and asked.error is None:
        count = len(document.entries) if document else 0
        asked.error = f"the connection broke off; the {count} entries before that were read"
    elif document is not None and document.note and asked.error is None:
        asked.error = document.note
    if fetched.cut or (document is not None and not document.whole):
        asked.dropped.append(url)
    else:
        asked.kept.append(Kept(url=url, fetched_at=now, **_fields(fetched.validators)))


def _note(asked: Asked, error: SourceError) -> None:
    asked.failed = asked.failed or not asked.documents
    asked.error = asked.error or str(error)
    asked.retry_after = max(asked.retry_after or 0.0, error.retry_after or 0.0) or None


async def _ask_example(source: Source, known: Mapping[str, Kept], asked: Asked, now: datetime) -> None:
    try:
        recording = await asyncio.to_thread(example.load, source.url)
    except FetchError as error:
        _note(asked, error)
        return
    body_hash = hashlib.sha256(recording).hexdigest()
    if source.url in known and known[source.url].body_hash == body_hash:
        return
    asked.documents.append(
        Document(format="example", entries=await asyncio.to_thread(example.read, recording))
    )
    asked.kept.append(
        Kept(url=source.url, etag=None, last_modified=None, body_hash=body_hash, fetched_at=now)
    )


def _repeats(fetched: Fetched, asked: Asked) -> bool:
    """Some servers answer every date with the same list."""
    return any(one.body_hash == fetched.validators.body_hash is not None for one in asked.kept)


def _validators(known: Kept | None) -> Validators:
    return Validators(**_fields(known)) if known else Validators()


def _fields(of: Kept | Validators) -> dict[str, str | None]:
    return {"etag": of.etag, "last_modified": of.last_modified, "body_hash": of.body_hash}
