"""Days that were missed: which they are, and how arXiv's API or OAI-PMH is asked for them. Pure.

arXiv's feed holds one day; a day without a run would be lost for good. The API knows submissions and not
announcements, so the window begins some days before the first missing one: what is known changes nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from digest.ingest.parse import Document
from digest.ingest.states import EASTERN
from digest.models import Announcement, Entry

API = "https://export.arxiv.org/api/query"

#: A paper submitted on Friday afternoon is announced on Tuesday: the longest usual wait, in days.
WAIT = timedelta(days=4)

#: Older gaps are not filled: nothing in them could become eligible.
OLDEST = timedelta(days=30)

#: Rows a page; the API allows 2,000 and is often slow above 1,000.
PAGE = 1_000

#: Rows of one gap; a month of all of computer science holds fewer.
MOST_ROWS = 30_000


#: Archives that have categories below them (https://arxiv.org/category_taxonomy).
_ARCHIVES = frozenset("astro-ph cond-mat cs econ eess math nlin physics q-bio q-fin stat".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Publishing days whose batches nobody read, the first and the last of them."""

    first: date
    last: date
    failures: int = 0
    retry_at: datetime | None = None  # not asked again before

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


def batch_day(at: datetime, *, empty: bool) -> date:
    """The day that a feed of this date speaks for: what comes on a Saturday is Friday's late batch."""
    day = at.astimezone(EASTERN).date()
    return day if empty else day - timedelta(days=max(day.weekday() - 4, 0))


def missed(last_read: date, present: date, now: datetime) -> Gap | None:
    """The publishing days between two batches that were read; None if there is none."""
    oldest = (now - OLDEST).date()
    days = [last_read + timedelta(days=n) for n in range(1, (present - last_read).days)]
    working = [day for day in days if day.weekday() < 5 and day >= oldest]
    return Gap(first=working[0], last=working[-1]) if working else None


def joined(one: Gap | None, other: Gap | None) -> Gap | None:
    """One gap that covers both; the rest that a failure earned stays."""
    if one is None or other is None:
        return one or other
    return replace(one, first=min(one.first, other.first), last=max(one.last, other.last))


def queries(address: str, category: str, gap: Gap) -> list[str]:
    """What to ask: OAI-PMH by the date of change, the API by submission and by last update."""
    since, until = gap.first - WAIT, gap.last
    if is_oai(address):
        return [
            _with(
                address,
                verb="ListRecords",
                metadataPrefix="arXivRaw",
                set=oai_set(category),
                **{"from": f"{gap.first - timedelta(days=1)}", "until": f"{until}"},
            )
        ]
    window = f"[{since:%Y%m%d}0000 TO {until:%Y%m%d}2359]"
    return [
        _with(
            address,
            search_query=f"cat:{_api_category(category)} AND {field}:{window}",
            start="0",
            max_results=f"{PAGE}",
            sortBy=field,
            sortOrder="ascending",
        )
        for field in ("submittedDate", "lastUpdatedDate")
    ]


def is_oai(address: str) -> bool:
    """True for the address of an OAI-PMH server; everything else is taken for arXiv's API."""
    return "oai" in urlsplit(address).path.lower()


def by_id(address: str, identifier: str) -> str:
    """OAI-PMH's address for a single paper."""
    return _with(
        address, verb="GetRecord", metadataPrefix="arXivRaw", identifier=f"oai:arXiv.org:{identifier}"
    )


def by_ids(address: str, ids: Iterable[str]) -> str:
    """The API's address for single papers."""
    wanted = list(ids)
    return _with(address, id_list=",".join(wanted), max_results=f"{len(wanted)}")


def following(url: str, document: Document, read: int) -> str | None:
    """The address of the next page after `read` entries; None if there is none."""
    query = dict(parse_qsl(urlsplit(url).query))
    if document.format == "oai":
        if not document.following:
            return None
        return _with(_bare(url), verb="ListRecords", resumptionToken=document.following)
    if not document.entries or document.total is None or read >= document.total or "start" not in query:
        return None
    return _with(_bare(url), **query | {"start": f"{read}"})


def as_announced(entries: Iterable[Entry], gap: Gap) -> list[Entry]:
    """New versions of papers from before the gap are replacements, though the API does not call them so."""
    start = datetime.combine(gap.first - WAIT, time(), tzinfo=UTC)
    return [
        replace(entry, announced=Announcement.REPLACE)
        if entry.announced is Announcement.ABSENT and entry.published_at and entry.published_at < start
        else entry
        for entry in entries
    ]


def oai_set(category: str) -> str:
    """arXiv's name of a category among the sets: `cs:cs:CL`, `physics:hep-ph`, `physics:astro-ph:CO`."""
    archive, dot, subject = category.partition(".")
    if re.fullmatch(r"cs|math|stat|econ|eess|q-bio|q-fin", archive):
        return f"{archive}:{archive}:{subject}" if dot else archive
    return f"physics:{archive}:{subject}" if dot else f"physics:{archive}"


def _api_category(category: str) -> str:
    """A whole archive needs a star in the API: `cat:math` alone finds nothing."""
    return f"{category}.*" if category in _ARCHIVES else category


def _with(address: str, **query: str) -> str:
    parts = urlsplit(address)
    kept = dict(parse_qsl(parts.query)) | query
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _bare(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(query=""))
