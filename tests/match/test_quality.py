"""Ranking against judged papers, which lie beside the checkout and are not part of it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from digest.match import build_index, rank
from digest.models import Paper, Topic

#: nDCG@10 below which a change has made the ranking worse.
FLOORS = {"seed-a": 0.76, "lists-a": 0.79, "s2search-a": 0.70}


@pytest.mark.parametrize("name", FLOORS)
def test_ranking_is_as_good_as_measured(shared: Path | None, name: str) -> None:
    if shared is None or not (shared / "ranking" / name).is_dir():
        pytest.skip("no judged papers beside this checkout")
    assert mean_ndcg(shared / "ranking" / name) >= FLOORS[name]


def mean_ndcg(folder: Path) -> float:
    papers = [
        Paper(id=one["id"], title=one["title"], abstract=one["abstract"])
        for one in lines(folder / "corpus.jsonl")
    ]
    grades: dict[str, dict[str, int]] = {}
    for qid, _, paper, grade in map(str.split, (folder / "qrels.txt").read_text().splitlines()):
        grades.setdefault(qid, {})[paper] = int(grade)
    queries = [
        one for one in lines(folder / "queries.jsonl") if one["task"] == "topic" and grades.get(one["qid"])
    ]
    ranked = rank(build_index(papers), [Topic(name=one["topic"]) for one in queries])
    values = []
    for query, matches in zip(queries, ranked, strict=True):
        pool = set(query.get("candidates") or [paper.id for paper in papers])
        values.append(
            ndcg([match.paper_id for match in matches if match.paper_id in pool], grades[query["qid"]])
        )
    return sum(values) / len(values)


def ndcg(ids: list[str], grades: dict[str, int]) -> float:
    gained = sum(grades.get(one, 0) / math.log2(place + 2) for place, one in enumerate(ids[:10]))
    ideal = sorted(grades.values(), reverse=True)[:10]
    return gained / sum(grade / math.log2(place + 2) for place, grade in enumerate(ideal))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
