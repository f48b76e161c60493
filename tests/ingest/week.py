"""Recorded weeks: the small copy in tests/data, those of ../shared if there, and how to replay them."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from digest.ingest.fetch import Fetcher
from digest.models import Source, SourceKind
from digest.pipeline.ingest import IngestReport, ingest
from digest.storage.database import Database

from .origin import Origin, Page

SMALL = Path(__file__).parents[1] / "data" / "replay"

Week = Mapping[str, Mapping[str, bytes]]  # day -> "cs.CL" or "huggingface" -> bytes


def load(folder: Path) -> Week:
    """Every day of a recorded week, arXiv's feeds and Hugging Face's list."""
    days = sorted(path for path in folder.iterdir() if path.is_dir())
    return {day.name: {_name(path): _bytes(path) for path in sorted(day.iterdir())} for day in days}


def weeks(shared: Path | None) -> dict[str, Week]:
    """The small week always, the recorded ones where they are."""
    found = {"small": load(SMALL)}
    if shared is not None:
        found["replay"] = load(shared / "feeds" / "replay")
        found["holiday"] = load(shared / "feeds" / "replay-holiday")
    return found


def arxiv_alone(week: Week) -> Week:
    return {
        day: {name: body for name, body in feeds.items() if name != "huggingface"}
        for day, feeds in week.items()
    }


def feed_names(week: Week) -> list[str]:
    return sorted({name for feeds in week.values() for name in feeds} - {"huggingface"})


def sources(origin: Origin, names: Sequence[str], *, huggingface: bool = True) -> list[Source]:
    """arXiv's sources, then Hugging Face."""
    found = [arxiv(origin, name) for name in names]
    if huggingface:
        found.append(
            Source(
                name="huggingface",
                family="huggingface",
                kind=SourceKind.HUGGINGFACE,
                url=f"{origin.url}/api/daily_papers",
                open=True,
            )
        )
    return found


def arxiv(origin: Origin, category: str, **fields: object) -> Source:
    url = f"{origin.url}/atom/{category}"
    return Source(
        name=f"arxiv:{category}", family="arxiv", kind=SourceKind.ARXIV, url=url, open=True, **fields
    )  # type: ignore[arg-type]


def publish(origin: Origin, day: str, feeds: Mapping[str, bytes]) -> None:
    """Serve one day; Hugging Face keeps its earlier days."""
    for name, body in feeds.items():
        path = f"/api/daily_papers?date={day}" if name == "huggingface" else f"/atom/{name}"
        origin.pages[path] = Page(body)


async def run(db: Database, found: Sequence[Source], day: str, hour: int = 12) -> IngestReport:
    """One pass at an hour (UTC) of a day."""
    now = datetime.fromisoformat(f"{day}T{hour:02}:00:00+00:00")
    return await ingest(db, found, clock=lambda: now, fetcher=Fetcher())


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".xml").removesuffix(".json")


def _bytes(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
