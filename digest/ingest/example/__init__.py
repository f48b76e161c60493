"""The example source: a recorded arXiv day with Hugging Face's votes, so that the first run needs no network.

arXiv's metadata is CC0 (https://info.arxiv.org/help/license). The recording holds what `record` was given:
entries of one day, without submitters, accounts or pictures. Its papers are dated by first sight, so that
the example works in any year.
"""

import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from importlib.resources import files
from typing import Any

from digest.errors import FetchError
from digest.models import Announcement, Entry

_KEPT = (
    "entry_id",
    "title",
    "abstract",
    "authors",
    "arxiv_id",
    "version",
    "categories",
    "announced",
    "votes",
)


def record(entries: Iterable[Entry], note: str) -> bytes:
    """The bytes of a recording: gzip over JSON, the same for the same entries."""
    papers = [{name: value for name, value in asdict(entry).items() if name in _KEPT} for entry in entries]
    text = json.dumps({"note": note, "papers": papers}, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def load(name: str) -> bytes:
    """A recording of the package by its name. Raises FetchError if there is none of this name."""
    for file in files(__name__).iterdir():
        if file.name == f"{name}.json.gz":
            return file.read_bytes()
    raise FetchError(f"there is no example {name!r}; the package has `example: arxiv`")


def read(recording: bytes) -> tuple[Entry, ...]:
    """The entries of a recording; their addresses follow from their ids."""
    return tuple(_entry(paper) for paper in json.loads(gzip.decompress(recording))["papers"])


def _entry(paper: dict[str, Any]) -> Entry:
    known = {field.name for field in fields(Entry)}
    values = {name: value for name, value in paper.items() if name in known}
    values["authors"], values["categories"] = tuple(paper["authors"]), tuple(paper["categories"])
    values["announced"] = Announcement(paper["announced"])
    return Entry(url=f"https://arxiv.org/abs/{paper['arxiv_id']}", **values)
