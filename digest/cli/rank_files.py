"""The files of `digest rank`: papers and queries, one JSON object a line. Every fault names file and line."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.errors import RankError
from digest.models import Paper, Topic

#: How every gzip file begins (RFC 1952, 2.3.1).
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One line of a queries file."""

    qid: str
    topic: Topic
    candidates: frozenset[str] = frozenset()  # only these papers are ranked; empty: all


@dataclass(frozen=True, slots=True)
class Line:
    """One JSON object with its place, which every complaint begins with."""

    place: str  # "papers.jsonl:3"
    fields: Mapping[str, Any]

    def text(self, key: str, *, required: bool = False) -> str:
        """The text under `key`; a required one must not be empty."""
        value = self.fields.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or (required and not value.strip()):
            raise RankError(f'{self.place}: "{key}" must be a text, not {_named(value)}')
        return _whole(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts under `key`, empty if there is none."""
        value = self.fields.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise RankError(f'{self.place}: "{key}" must be a list of texts, not {_named(value)}')
        return tuple(map(_whole, value))


def read_papers(path: Path) -> list[Paper]:
    """The papers of a file; raises RankError with file and line."""
    papers = [_paper(line) for line in _lines(path, "id")]
    if not papers:
        raise RankError(
            f"{path} holds no papers: it needs one JSON object with id, title and abstract a line"
        )
    return papers


def read_queries(path: Path) -> list[Query]:
    """The queries of a file; raises RankError with file and line."""
    queries = [_query(line) for line in _lines(path, "qid")]
    if not queries:
        raise RankError(f"{path} holds no queries: it needs one JSON object with qid and topic a line")
    return queries


def _paper(line: Line) -> Paper:
    return Paper(
        id=line.text("id", required=True),
        title=line.text("title", required=not line.text("abstract").strip()),
        abstract=line.text("abstract"),
        authors=line.texts("authors"),
        categories=line.texts("categories"),
    )


def _query(line: Line) -> Query:
    qid = line.text("qid", required=True)
    topic = Topic(
        name=line.text("topic"),
        keywords=line.texts("keywords"),
        exclude=line.texts("exclude"),
        authors=line.texts("authors"),
        categories=line.texts("categories"),
        liked=line.texts("liked"),
        disliked=line.texts("disliked"),
    )
    return Query(qid=qid, topic=topic, candidates=frozenset(line.texts("candidates")))


def _lines(path: Path, key: str) -> Iterator[Line]:
    """The objects of a file in their order, with `key` unique among them; blank lines are passed over."""
    first_seen: dict[str, int] = {}
    for number, text in enumerate(_read(path).split("\n"), 1):
        if not text.strip():
            continue
        line = Line(f"{path}:{number}", _object(text, f"{path}:{number}"))
        name = line.text(key, required=True)
        if name in first_seen:
            raise RankError(f'{line.place}: {key} "{name}" was given before, on line {first_seen[name]}')
        first_seen[name] = number
        yield line


def _read(path: Path) -> str:
    """The text of a file, unpacked if it is gzip, whatever its name says."""
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw.startswith(_GZIP) else raw).decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RankError(f"{path}: is gzip that ends early or is damaged ({error}); make it anew") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RankError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise RankError(f"{path} cannot be read: {error.strerror or error}") from error


def _object(text: str, place: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 5,000 digits
        reason = (
            "nested too deeply" if isinstance(error, RecursionError) else getattr(error, "msg", str(error))
        )
        raise RankError(f"{place}: no JSON object a line ({reason})") from error
    if not isinstance(value, dict):
        raise RankError(f"{place}: must be a JSON object, not {_named(value)}")
    return value


def _whole(text: str) -> str:
    """The text without lone surrogates, which JSON can write and no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _named(value: object) -> str:
    """What a wrong value is, in the words of JSON."""
    match value:
        case None:
            return "missing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text" if value.strip() else "empty"
        case list():
            return "a list"
        case _:
            return "an object"
