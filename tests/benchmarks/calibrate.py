"""Fit what makes a weight a probability: python -m tests.benchmarks.calibrate [--model FOLDER] [--likes]

Logistic regression of "is relevant" on the weight of a paper and on rarity and length of its topic, over
judged days. Each topic of `phrasings.json` is also asked in other words (short, as a sentence, at length,
as a list), because people do. What the fit is worth is measured on topics that it has not seen in any data
set or wording: five parts by topic, each judged on daily-a by a fit on the other four, as precision,
recall and false mail of the first ten at the cut of 50. `fit without daily-a` has not seen that day at all.

With --likes nothing is fitted: printed are precision and recall at the cut, by the number of liked papers, on
all judged data. LIKES_CREDIT of `digest.match.weigh` was chosen so that likes change neither for the worse.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from digest.match import Index, build_index, rank
from digest.match.best import LOWEST
from digest.match.meaning import Calibration, Space
from digest.match.query import make_queries
from digest.match.semantic import open_model
from digest.match.weigh import weigh
from digest.models import Topic
from tests.benchmarks.judged import DataSet, data_sets

JUDGED = "daily-a"
DAYS = {JUDGED: 1.0, "seed-a": 0.5, "lists-a": 0.5, "s2search-a": 0.5}  # data set -> importance
PHRASINGS = Path(__file__).with_name("phrasings.json")
PHRASED = 0.5  # what another wording counts
CAUTION = 2.2  # what an irrelevant paper counts next to a relevant one: a false mail costs trust
USUAL = 450  # papers of a day; larger data sets count as if they had so many
PARTS, ROUNDS = 5, 3
PENALTY = 0.05  # on all but the base, against a fit to the last topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One topic in one wording on one day: weights and truth of the papers that hold anything of it."""

    data: str
    topic: str  # the same for all its wordings
    wording: int  # 0: as judged
    weights: np.ndarray  # in the form of the topic that speaks loudest for the paper
    relevant: np.ndarray
    rarity: np.ndarray  # of this form
    length: np.ndarray
    toll: np.ndarray  # in logits, of a form that was not typed
    papers: int  # of the day
    wanted: int  # relevant ones among them, found or not

    @property
    def importance(self) -> np.ndarray:
        """What each of its papers counts in the fit."""
        share = DAYS[self.data] * (PHRASED if self.wording else 1.0) * USUAL / self.papers
        return np.where(self.relevant, share, CAUTION * share)

    @property
    def features(self) -> np.ndarray:
        """One row a paper, in the order of the fields of Calibration."""
        length, brevity = np.maximum(self.length, 0.0), np.maximum(-self.length, 0.0)
        ones = np.ones_like(self.weights)
        return np.stack([self.weights, length * self.weights, self.rarity, -length, brevity, ones], axis=1)


def read_days(data: DataSet, space: Space | None, phrasings: Mapping[str, Sequence[str]]) -> Iterator[Day]:
    """The topics of a data set in all their wordings."""
    index = build_index(data.papers, space)
    for query in data.queries:
        if query["task"] == "topic":
            wordings = [query["topic"], *phrasings.get(query["topic"], ())]
            yield from _read_topic(index, data, query, wordings)


def _read_topic(
    index: Index, data: DataSet, query: Mapping[str, Any], wordings: Sequence[str]
) -> Iterator[Day]:
    grades = data.grades.get(query["qid"], {})
    relevant = np.array([paper.id in grades for paper in data.papers])
    # Candidates that nobody clicked are near the topic, but not judged.
    unknown = {index.numbers[one] for one in query.get("candidates", ()) if one not in grades}
    known = np.array([number not in unknown for number in range(len(data.papers))])
    asked = make_queries(index, [Topic(name=text) for text in wordings], {})
    block = weigh(index, asked)
    weights = block.words + block.meaning
    tolls = np.concatenate([np.zeros(len(wordings)), asked.tolls])
    for number in range(len(wordings)):
        kept = np.flatnonzero(known & (block.logits[number] > LOWEST))
        forms = block.loudest.get(number, np.full(len(known), number))[kept]
        yield Day(
            data=data.name,
            topic=query["topic"],
            wording=number,
            weights=weights[forms, kept],
            relevant=relevant[kept],
            rarity=asked.rarity[forms],
            length=asked.lengths[forms],
            toll=tolls[forms],
            papers=int(known.sum()),
            wanted=len(grades),
        )


def fit(days: Sequence[Day]) -> Calibration:
    """The most likely calibration."""
    features = np.concatenate([day.features for day in days])
    truth = np.concatenate([day.relevant for day in days]).astype(float)
    importance = np.concatenate([day.importance for day in days])
    tolls = np.concatenate([day.toll for day in days])
    penalty = PENALTY * np.array([1, 1, 1, 1, 1, 0])

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = features @ values - tolls
        rest = 1 / (1 + np.exp(-logits)) - truth
        each = np.logaddexp(0, logits) - truth * logits
        gradient = features.T @ (importance * rest) + 2 * penalty * values
        return float((importance * each).sum() + (penalty * values**2).sum()), gradient

    return Calibration(*minimize(loss, np.zeros(6), jac=True, method="L-BFGS-B").x.tolist())


def measure(days: Sequence[Day], fits: Sequence[Calibration], cut: float = 0.0) -> tuple[float, float, float]:
    """Precision and recall of the first ten, and the share of empty days that get a mail."""
    sent = good = wanted = false = empty = 0
    for day, found in zip(days, fits, strict=True):
        logits = day.features @ np.array(astuple(found)) - day.toll
        first = [n for n in np.argsort(-logits, kind="stable")[:10] if logits[n] >= cut]
        if day.wanted:
            sent, good = sent + len(first), good + int(day.relevant[first].sum())
            wanted += min(10, day.wanted)
        else:
            empty, false = empty + 1, false + bool(first)
    return good / max(1, sent), good / wanted, false / empty


def cross_validate(days: Sequence[Day], judged: Sequence[Day]) -> np.ndarray:
    """The measure on topics that the fit has not seen, mean of several rounds."""
    topics = sorted({day.topic for day in [*days, *judged]})
    results = []
    for round_ in range(ROUNDS):
        part = dict(zip(topics, np.random.default_rng(round_).permutation(len(topics)) % PARTS, strict=True))
        fits = [fit([day for day in days if part[day.topic] != own]) for own in range(PARTS)]
        results.append(measure(judged, [fits[part[day.topic]] for day in judged]))
    return np.asarray(np.mean(results, axis=0))


def measure_likes(data: DataSet, space: Space | None) -> Iterator[str]:
    """A line for each number of liked papers: precision and recall of all that is above the cut of 50."""
    index = build_index(data.papers, space)
    ranked = rank(index, data.topics(), examples=data.by_id, cut=50.0, reasons=False)
    found: dict[int, np.ndarray] = {}
    for query, matches in zip(data.queries, ranked, strict=True):
        grades = data.grades.get(query["qid"], {})
        pool = set(query.get("candidates") or data.by_id)
        above = {match.paper_id for match in matches} & pool
        counts = np.array([1, len(above), len(above & grades.keys()), len(grades)])
        liked = len(query.get("liked", ()))
        found[liked] = found.get(liked, np.zeros(4, int)) + counts
    for liked, (queries, shown, good, wanted) in sorted(found.items()):
        yield (
            f"{data.name:12} {liked:2} likes: {shown / queries:5.1f} papers, "
            f"precision {good / max(shown, 1):.2f}  recall {good / max(wanted, 1):.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of the optional model")
    parser.add_argument("--likes", action="store_true", help="measure topics with liked papers")
    options = parser.parse_args()
    space = open_model(options.model) if options.model else None
    if options.likes:
        print(*(line for data in data_sets() for line in measure_likes(data, space)), sep="\n")
        return
    phrasings = json.loads(PHRASINGS.read_text(encoding="utf-8"))
    days = [day for data in data_sets() if data.name in DAYS for day in read_days(data, space, phrasings)]
    judged = [day for day in days if day.data == JUDGED and not day.wording]
    other = [day for day in days if day.data == JUDGED and day.wording]
    best = fit(days)
    print(", ".join(f"{name}={getattr(best, name):.2f}" for name in Calibration.__slots__))
    for name, values in (
        ("same topics", np.array(measure(judged, [best] * len(judged)))),
        ("other topics", cross_validate(days, judged)),
        ("other topics, fit without daily-a", cross_validate([d for d in days if d.data != JUDGED], judged)),
        ("other topics in other words", cross_validate(days, other)),
    ):
        print(f"{name:34} precision {values[0]:.2f}  recall {values[1]:.2f}  false mail {values[2]:.3f}")


if __name__ == "__main__":
    main()
