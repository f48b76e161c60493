"""Judged papers from `../shared/ranking`, which are not part of the repository, and their score.py."""

import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from digest.models import Paper, Topic

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "ranking"


@dataclass(frozen=True, slots=True)
class DataSet:
    """One folder: papers, queries and the grades of the relevant papers of each query."""

    name: str
    papers: tuple[Paper, ...]
    queries: tuple[Mapping[str, Any], ...]
    grades: Mapping[str, Mapping[str, int]]

    def topics(self) -> list[Topic]:
        """The queries as topics."""
        return [
            Topic(
                name=query["qid"],
                about=query["topic"] or " ",
                liked=tuple(query.get("liked", ())),
                disliked=tuple(query.get("disliked", ())),
            )
            for query in self.queries
        ]

    @property
    def by_id(self) -> dict[str, Paper]:
        """The papers by id."""
        return {paper.id: paper for paper in self.papers}


def data_sets() -> Iterator[DataSet]:
    """Every data set that lies beside the checkout; ends the program if there is none."""
    folders = sorted(path.parent for path in FOLDER.glob("*/qrels.txt"))
    if not folders:
        sys.exit(f"no judged papers in {FOLDER}")
    for folder in folders:
        papers = tuple(
            Paper(id=one["id"], title=one["title"], abstract=one["abstract"])
            for one in read_lines(folder / "corpus.jsonl")
        )
        grades = score().read_qrels(folder / "qrels.txt")
        yield DataSet(folder.name, papers, tuple(read_lines(folder / "queries.jsonl")), grades)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def score() -> ModuleType:
    """The score.py that the judged papers came with."""
    spec = importlib.util.spec_from_file_location("score", FOLDER / "score.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
