"""The week before the replay: a program that runs for months has one, and memory is only steady with it."""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from digest.models import Paper
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from tests.pipeline.steps import announce

#: New papers on each of the five publishing days, as many as the replay has.
A_DAY = 800


async def fill(url: str, corpus: Path, monday: datetime) -> None:
    """Five passes of recorded papers, from the Monday before on."""
    upgrade(url)
    db, papers = Database(url), read(corpus)
    try:
        for day in range(-7, -2):
            await announce(db, *islice(papers, A_DAY), when=monday + timedelta(days=day, hours=5))
    finally:
        await db.close()


def read(corpus: Path) -> Iterator[Paper]:
    """The papers of a recorded corpus; the replay revises some of them."""
    with gzip.open(corpus, "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            yield Paper(
                id=f"arxiv:{row['arxiv_id']}",
                title=row["title"],
                abstract=row["abstract"],
                authors=tuple(row["authors_raw"].split(", ")),
                url=f"https://arxiv.org/abs/{row['arxiv_id']}",
                categories=tuple(row["categories"]),
                families=("arxiv",),
            )
