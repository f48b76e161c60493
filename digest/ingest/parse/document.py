"""What a parser gives back. Pure."""

from dataclasses import dataclass
from datetime import datetime

from digest.models import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The entries of one answer, and what is worth knowing about the whole of it."""

    format: str  # "arxiv", "arxiv-api", "oai", "huggingface", "feed", …
    entries: tuple[Entry, ...] = ()
    title: str = ""
    published_at: datetime | None = None  # date of the whole feed: the batch it holds
    whole: bool = True  # False: cut or damaged; its validators are not to be kept
    note: str | None = None  # one sentence on what is missing
    skipped: int = 0  # records that could not be read
    following: str | None = None  # where the next page is: resumption token, cursor or offset
    total: int | None = None  # of all pages, if the answer says so
