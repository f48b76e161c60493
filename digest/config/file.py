"""subscribers.yaml -> sources and subscribers; every fault with file, line, key and remedy.

YAML 1.2 by ruamel.yaml: `8:30` stays a text and `no` a word, a key written twice is refused, and each
value knows its line. Nothing is half-read: one fault and there is no roster.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from digest.config.shapes import ExportShape, FileShape, Shape, SourceShape, SubscriberShape, TopicShape
from digest.config.sources import to_sources
from digest.config.voice import plainly
from digest.errors import ConfigError
from digest.models import Source, SourceKind, Subscriber, Topic

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A subscriber as the file lists it (`id` 0), and the hash of the entry's own text."""

    subscriber: Subscriber
    file_hash: str
    path: Path
    line: int

    @property
    def place(self) -> str:
        """Where it stands, as faults name it."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What the file says, whole and checked."""

    sources: tuple[Source, ...]
    listed: tuple[Listed, ...]


def read_roster(path: Path, *, others: Sequence[Source] | None = None) -> Roster:
    """Read and check the file. Raises ConfigError with one line for every fault found.

    `others` are the sources that readers of a file without any may name; None: it must have its own.
    """
    document = _load(path)
    shape = _validate(document, path, FileShape if others is None else ExportShape)
    sources = _sources(shape, document, path) or tuple(others or ())
    listed = tuple(
        Listed(
            subscriber=_subscriber(subscriber),
            file_hash=_hash(document["subscribers"][number]),
            path=path,
            line=_line(document, ("subscribers", number)),
        )
        for number, subscriber in enumerate(shape.subscribers)
    )
    _refuse_doubles(listed, path)
    _refuse_unknown_sources(shape, sources, document, path)
    return Roster(sources=sources, listed=listed)


def _load(path: Path) -> Any:
    try:
        document = _yaml().load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: there is no such file; write one (README.md shows how) or name it with --config"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check its owner and mode") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except MarkedYAMLError as error:
        raise ConfigError(f"{path}:{_mark(error)}: {_problem(error)}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}:1: is empty or no mapping; it needs the keys `sources` and `subscribers`")
    return document


class _Constructor(RoundTripConstructor):
    """A day or number that cannot be stays a text, so that its fault is told with line and key."""

    def construct_yaml_timestamp(self, node: Any, values: Any = None) -> Any:
        """The day or time, or the text as it stands."""
        try:
            return super().construct_yaml_timestamp(node, values)
        except ValueError:
            return node.value

    def construct_yaml_int(self, node: Any) -> Any:
        """The number, or the text where it has more digits than Python reads."""
        try:
            return super().construct_yaml_int(node)
        except ValueError:
            return node.value


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    return yaml


def _mark(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return int(mark.line) + 1 if mark else 1


def _problem(error: MarkedYAMLError) -> str:
    problem = (error.problem or error.context or "is no YAML").splitlines()[0]
    if "duplicate key" in problem:
        return f"{problem}; write each key once"
    if "\\t" in problem:
        return "a tab indents this line; indent with spaces"
    return f"is no YAML: {problem}; check indentation, colons and brackets"


def _validate(document: Any, path: Path, whole: type[FileShape]) -> FileShape:
    merged = _with_defaults(document)
    try:
        return whole.model_validate(merged)
    except ValidationError as error:
        told = dict.fromkeys(_fault(document, path, fault) for fault in error.errors())
        raise ConfigError("\n".join(text for _, text in sorted(told, key=itemgetter(0)))) from error


def _with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """Each subscriber with the file's `defaults` underneath; shapes are checked afterwards."""
    defaults, subscribers = document.get("defaults"), document.get("subscribers")
    if not isinstance(defaults, dict) or not isinstance(subscribers, list):
        return document
    merged = [{**defaults, **entry} if isinstance(entry, dict) else entry for entry in subscribers]
    return {**document, "subscribers": merged}


def _fault(document: Any, path: Path, fault: Any) -> tuple[int, str]:
    """The line of a fault, and what is said of it."""
    where: Path_ = tuple(fault["loc"])
    inherited = len(where) > 2 and where[0] == "subscribers" and not _holds(document, where[:3])
    if inherited and _holds(document, ("defaults", where[2])):
        where = ("defaults", *where[2:])
    line = _line(document, where)
    return line, f"{path}:{line}: {_dotted(where)}: {_message(fault, where)}"


def _message(fault: Any, where: Path_) -> str:
    if fault["type"] == "extra_forbidden":
        return _unknown_key(str(where[-1]), where)
    if where[0] == "sources" and len(where) == 2 and fault["type"] == "model_type":
        return "must be a kind of source and what it names, such as `arxiv: [cs.CL]`"
    return plainly(fault)


#: Where the keys of each shape stand, for one that was indented too much or too little.
_PLACES: dict[type[Shape], str] = {
    FileShape: "at the left edge",
    SubscriberShape: "in an entry of `subscribers`, or in `defaults`",
    TopicShape: "in an entry of `topics`",
    SourceShape: "in an entry of `sources`",
}


def _unknown_key(key: str, where: Path_) -> str:
    shape: Any = FileShape
    if where[0] == "sources":
        shape = SourceShape
    elif "topics" in where:
        shape = TopicShape
    elif "subscribers" in where or "defaults" in where:
        shape = SubscriberShape
    if place := next((words for other, words in _PLACES.items() if key in other.model_fields), None):
        return f"unknown key here; it belongs {place}"
    known = list(shape.model_fields)
    near = difflib.get_close_matches(key, known, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key; {hint}"


def _holds(document: Any, where: Path_) -> bool:
    for key in where:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _line(document: Any, where: Path_) -> int:
    """The line (from 1) of the deepest part of `where` that the file really holds."""
    line, node = 1, document  # ruamel's maps and lists carry `.lc`
    for key in where:
        try:
            place = node.lc.item(key) if isinstance(key, int) else node.lc.key(key)
            node = node[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
        line = place[0] + 1
    return line


def _dotted(where: Path_) -> str:
    """`subscribers[1].schedule`, as a person would write it."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in where)
    return text.removeprefix(".") or "the file"


def _sources(shape: FileShape, document: Any, path: Path) -> tuple[Source, ...]:
    found: list[Source] = []
    for number, source in enumerate(shape.sources):
        try:
            new = to_sources(source)
            if double := {one.name for one in new} & {one.name for one in found}:
                raise ValueError(f"{sorted(double)[0]} is listed twice; remove one")
        except ValueError as error:
            where = ("sources", number)
            raise ConfigError(f"{path}:{_line(document, where)}: {_dotted(where)}: {error}") from error
        found.extend(new)
    return tuple(found)


def _subscriber(shape: SubscriberShape) -> Subscriber:
    return Subscriber(
        id=0,
        email=shape.email,
        name=shape.name,
        topics=tuple(_topic(topic) for topic in shape.topics),
        schedule=shape.schedule,
        max_papers=shape.max_papers,
        cut=shape.cut,
        trending=shape.trending,
        revisions=shape.revisions,
        quiet_note=shape.quiet_note,
        citations=shape.citations,
        sources=shape.sources,
        pause_until=_midnight(shape.pause_until),
    )


def _topic(shape: TopicShape) -> Topic:
    return Topic(**shape.model_dump())


def _midnight(day: date | None) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def _hash(entry: Mapping[str, Any]) -> str:
    """Of the entry's own text, comments and order of keys aside: what the operator changed."""
    return hashlib.sha256(json.dumps(entry, sort_keys=True, default=str).encode()).hexdigest()


def _refuse_doubles(listed: Sequence[Listed], path: Path) -> None:
    lines: dict[str, int] = {}
    for entry in listed:
        address = entry.subscriber.email.casefold()
        if address in lines:
            raise ConfigError(
                f"{path}:{entry.line}: {entry.subscriber.email} is listed a second time "
                f"(first in line {lines[address]}); keep one entry an address"
            )
        lines[address] = entry.line


def _refuse_unknown_sources(shape: FileShape, sources: Sequence[Source], document: Any, path: Path) -> None:
    here = sorted({source.family for source in sources})
    known = {*here, *(kind.value for kind in SourceKind)}  # a source that rests behind a # is no fault
    for number, subscriber in enumerate(shape.subscribers):
        for family in subscriber.sources:
            if family not in known:
                where = ("subscribers", number, "sources")
                place = f"{path}:{_line(document, where)}: {_dotted(where)}"
                raise ConfigError(f'{place}: "{family}" is no source of this file; {_near(family, here)}')


def _near(family: str, here: Sequence[str]) -> str:
    near = difflib.get_close_matches(family, sorted({*here, *SourceKind}), 1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return f"{hint}the file has {', '.join(here)}"
