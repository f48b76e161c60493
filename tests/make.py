"""Numbered builders: `make_paper(1)`, `make_topic("…")`; every field can be named."""

from datetime import UTC, datetime
from typing import Any

from digest.ingest import example
from digest.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Entry,
    Issue,
    Match,
    Paper,
    Site,
    Subscriber,
    Topic,
)

NOW = datetime(2026, 4, 14, 12, 0, tzinfo=UTC)


def make_entry(number: int, **fields: Any) -> Entry:
    defaults: dict[str, Any] = {
        "entry_id": f"oai:arXiv.org:2604.{number:05d}v1",
        "arxiv_id": f"2604.{number:05d}",
        "title": f"Paper number {number} about something new",
        "abstract": f"We study thing {number}. It works.",
        "authors": ("Ada Lovelace", "Émile Noether"),
        "url": f"https://arxiv.org/abs/2604.{number:05d}",
        "version": 1,
        "categories": ("cs.CL",),
        "published_at": NOW,
    }
    return Entry(**defaults | fields)


def make_paper(number: int, **fields: Any) -> Paper:
    defaults: dict[str, Any] = {
        "id": f"arxiv:2604.{number:05d}",
        "title": f"Paper number {number} about something new",
        "abstract": f"We study thing {number}. It works.",
        "authors": ("Ada Lovelace", "Émile Noether"),
        "url": f"https://arxiv.org/abs/2604.{number:05d}",
        "categories": ("cs.CL",),
        "published_at": NOW,
        "first_seen_at": NOW,
        "first_seen_pass": 1,
        "eligible_at": NOW,
        "eligible_pass": 1,
        "families": ("arxiv",),
        "open": True,
    }
    return Paper(**defaults | fields)


def make_topic(name: str = "language models", **fields: Any) -> Topic:
    return Topic(name=name, **fields)


def make_subscriber(number: int = 1, **fields: Any) -> Subscriber:
    defaults: dict[str, Any] = {
        "id": number,
        "email": f"reader{number}@papers.dev",
        "name": f"Reader {number}",
        "topics": (make_topic(),),
        "token": f"token-{number:026d}",
    }
    return Subscriber(**defaults | fields)


def make_match(number: int, **fields: Any) -> Match:
    defaults: dict[str, Any] = {
        "paper_id": f"arxiv:2604.{number:05d}",
        "topic": "language models",
        "score": 90.0 - number,
        "because": ("thing",),
    }
    return Match(**defaults | fields)


def make_issue(*numbers: int, **fields: Any) -> Issue:
    defaults: dict[str, Any] = {
        "id": 1,
        "subscriber_id": 1,
        "due_at": NOW,
        "from_pass": 0,
        "to_pass": 1,
        "considered": 512,
        "matched": len(numbers),
        "shown": tuple(make_match(number) for number in numbers),
    }
    return Issue(**defaults | fields)


def make_delivery(number: int = 1, **fields: Any) -> Delivery:
    defaults: dict[str, Any] = {
        "id": number,
        "kind": DeliveryKind.ISSUE,
        "email": f"reader{number}@papers.dev",
        "state": DeliveryState.PENDING,
        "due_at": NOW,
        "created_at": NOW,
    }
    return Delivery(**defaults | fields)


def make_site(**fields: Any) -> Site:
    defaults: dict[str, Any] = {
        "name": "Morning Papers",
        "sender": "Morning Papers <digest@papers.dev>",
        "base_url": "https://papers.dev",
        "unsubscribe_mailbox": "unsubscribe@papers.dev",
        "domain": "papers.dev",
    }
    return Site(**defaults | fields)


def make_papers(*papers: Paper) -> dict[str, Paper]:
    return {paper.id: paper for paper in papers}


def recorded_papers() -> list[Paper]:
    """The papers of the recorded arXiv day in the package (CC0), as if first seen now."""
    return [
        Paper(
            id=f"arxiv:{entry.arxiv_id}",
            title=entry.title,
            abstract=entry.abstract,
            authors=entry.authors,
            url=entry.url,
            categories=entry.categories,
            votes=entry.votes,
            published_at=NOW,
            open=True,
        )
        for entry in example.read(example.load("arxiv"))
        if not entry.announced.is_replacement
    ]
