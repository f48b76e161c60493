"""Hugging Face's daily papers: `/api/daily_papers?date=…`. Pure.

The shape drifts from year to year: only `paper.*` is read, every other key is optional.
"""

from typing import Any

from digest import identifiers
from digest.ingest.parse import dates, names
from digest.ingest.parse.document import Document
from digest.ingest.parse.text import joined, title
from digest.models import Announcement, Entry


def wrote(data: Any) -> bool:
    """True for a list that is empty or holds at least one record with a paper."""
    return isinstance(data, list) and (not data or any(isinstance(_paper(one), dict) for one in data))


def read(data: list[Any]) -> Document:
    """Every record that names a paper; odd ones are skipped and counted."""
    entries = [entry for record in data if (entry := _entry(record))]
    return Document(format="huggingface", entries=tuple(entries), skipped=len(data) - len(entries))


def _paper(record: Any) -> Any:
    return record.get("paper") if isinstance(record, dict) else None


def _entry(record: Any) -> Entry | None:
    paper = _paper(record)
    if not isinstance(paper, dict):
        return None
    named, name = joined(paper.get("id")), title(paper.get("title") or record.get("title"))
    found = identifiers.arxiv_id(named)
    if not name or not named:
        return None
    return Entry(
        entry_id=named,
        title=name,
        abstract=joined(paper.get("summary") or record.get("summary")),
        authors=_authors(paper.get("authors")),
        url=f"https://huggingface.co/papers/{found[0]}" if found else "",
        arxiv_id=found[0] if found else None,
        announced=Announcement.LISTED,
        published_at=dates.of_text(paper.get("publishedAt")),
        votes=_votes(paper.get("upvotes")),
        submitter=_submitter(record.get("submittedBy"), paper.get("submittedOnDailyBy")),
        withdrawn=bool(paper.get("withdrawnAt")),
    )


def _authors(listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list):
        return ()
    shown = [one for one in listed if isinstance(one, dict) and not one.get("hidden")]
    return names.cleaned(one.get("name") for one in shown)


def _submitter(*people: Any) -> str:
    """The name of whoever brought the paper to the list."""
    for person in people:
        if isinstance(person, dict) and (found := names.cleaned([person.get("fullname")])):
            return found[0]
    return ""


def _votes(count: Any) -> int | None:
    return count if type(count) is int and 0 <= count < 10_000_000 else None
