"""How the package's example was recorded: `python -m tests.ingest.record_example` beside ../shared.

One arXiv day, CC0 metadata: every new and cross-listed paper of cs.CL, evenly chosen parts of three other
categories, so that varied topics find something, and the votes of that day's Hugging Face list without its
accounts. Abstracts that name a package index are left out.
"""

import gzip
import re
from dataclasses import replace
from pathlib import Path

from digest.ingest.example import record
from digest.ingest.parse import parse
from digest.models import Announcement, Entry

DAY = "2026-04-14"
SHARES = {"cs.CL": (1000, 1000), "cs.LG": (150, 40), "cs.AI": (150, 30), "cs.CV": (130, 20)}  # new, cross
NOTE = (
    "arXiv metadata (CC0) of 14 April 2026: cs.CL, parts of cs.LG, cs.AI and cs.CV; "
    "votes of Hugging Face's daily papers of that day"
)
_INDEX = re.compile(r"\b(?:py-?pi|npm|cran|conda|crates|maven|nuget|docker|gems)\b", re.IGNORECASE)


def chosen(day: Path) -> list[Entry]:
    """The entries of the example, ordered by id."""
    votes = {one.arxiv_id: one.votes for one in parse((day / "huggingface.json").read_bytes()).entries}
    found: dict[str | None, Entry] = {}
    for category, shares in SHARES.items():
        entries = parse(gzip.decompress((day / f"{category}.xml.gz").read_bytes())).entries
        for kind, share in zip((Announcement.NEW, Announcement.CROSS), shares, strict=True):
            pool = [one for one in entries if one.announced is kind and one.arxiv_id not in found]
            pool = [one for one in pool if not _INDEX.search(f"{one.title} {one.abstract}")]
            for one in _evenly(pool, share, set(votes)):
                found[one.arxiv_id] = replace(one, votes=votes.get(one.arxiv_id))
    return sorted(found.values(), key=lambda one: one.arxiv_id or "")


def _evenly(pool: list[Entry], share: int, voted: set[str | None]) -> list[Entry]:
    """Those with votes, then every n-th of the others."""
    first = [one for one in pool if one.arxiv_id in voted]
    rest = [one for one in pool if one.arxiv_id not in voted]
    wanted = min(max(share - len(first), 0), len(rest))
    return first + [rest[n * len(rest) // wanted] for n in range(wanted)]


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    entries = chosen(root.parent / "shared" / "feeds" / "replay" / DAY)
    (root / "digest" / "ingest" / "example" / "arxiv.json.gz").write_bytes(record(entries, NOTE))
    print(f"{len(entries)} papers, {sum(one.votes is not None for one in entries)} with votes")
