"""Fit what makes a weight a probability: python -m tests.benchmarks.calibrate [--model FOLDER]

Logistic regression of "is relevant" on the weight of a paper and the rarity of its topic, on the judged
days daily-a and seed-a. What the fit is worth is measured on topics that it has not seen: five parts, each
judged by a fit on the other four, as precision, recall and false mail of the first ten at the cut of 50.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from digest.match import build_index
from digest.match.meaning import Calibration, Space
from digest.match.query import make_queries
from digest.match.semantic import open_model
from digest.match.weigh import weigh
from tests.benchmarks.judged import DataSet, data_sets

DAYS = ("daily-a", "seed-a")
PARTS, ROUNDS = 5, 6
PENALTY = 0.05  # on slope and rarity, against a fit to the last topic


@dataclass(frozen=True, slots=True)
class Day:
    """One topic on one day: weights and truth of its papers, and the rarity of its rarest word."""

    weights: np.ndarray
    relevant: np.ndarray
    rarity: float
    judged: bool  # counts in the measure

    @property
    def importance(self) -> float:
        """The small day counts half; a false mail on a day with nothing relevant costs a quarter more."""
        return (1.0 if self.judged else 0.5) * (1.0 if self.relevant.any() else 1.25)

    @property
    def features(self) -> np.ndarray:
        rows = np.ones((len(self.weights), 3))
        rows[:, 0], rows[:, 1] = self.weights, self.rarity
        return rows


def read_days(data: DataSet, space: Space | None) -> list[Day]:
    index = build_index(data.papers, space)
    queries = make_queries(index, data.topics(), {})
    block = weigh(index, queries)
    weights = block.words + block.cover + block.meaning
    return [
        Day(
            weights[row],
            np.array([paper.id in data.grades.get(topic.name, {}) for paper in data.papers]),
            float(rarity),
            data.name == DAYS[0],
        )
        for row, (topic, rarity) in enumerate(zip(queries.topics, queries.rarity, strict=True))
    ]


def fit(days: Sequence[Day]) -> Calibration:
    features = np.concatenate([day.features for day in days])
    truth = np.concatenate([day.relevant for day in days]).astype(float)
    importance = np.concatenate([np.full(len(day.weights), day.importance) for day in days])
    penalty = PENALTY * np.array([1, 1, 0])

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = features @ values
        rest = 1 / (1 + np.exp(-logits)) - truth
        each = np.logaddexp(0, logits) - truth * logits
        gradient = features.T @ (importance * rest) + 2 * penalty * values
        return float((importance * each).sum() + (penalty * values**2).sum()), gradient

    slope, rarity, base = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x
    return Calibration(float(slope), float(rarity), float(base))


def measure(days: Sequence[Day], fits: Sequence[Calibration], cut: float = 0.0) -> tuple[float, float, float]:
    """Precision and recall of the first ten, and the share of empty days that get a mail."""
    sent = good = wanted = false = empty = 0
    for day, found in zip(days, fits, strict=True):
        logits = day.features @ np.array([found.slope, found.rarity, found.base])
        first = [n for n in np.argsort(-logits, kind="stable")[:10] if logits[n] >= cut]
        if day.relevant.any():
            sent, good = sent + len(first), good + int(day.relevant[first].sum())
            wanted += min(10, int(day.relevant.sum()))
        else:
            empty, false = empty + 1, false + bool(first)
    return good / max(1, sent), good / wanted, false / empty


def cross_validate(days: Sequence[Day]) -> np.ndarray:
    """The measure on topics that the fit has not seen, mean of several rounds."""
    judged = [day for day in days if day.judged]
    others = [day for day in days if not day.judged]
    results = []
    for round_ in range(ROUNDS):
        part = np.random.default_rng(round_).permutation(len(judged)) % PARTS
        fits = [
            fit([day for day, p in zip(judged, part, strict=True) if p != own] + others)
            for own in range(PARTS)
        ]
        results.append(measure(judged, [fits[own] for own in part]))
    return np.mean(results, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of the optional model")
    space = open_model(folder) if (folder := parser.parse_args().model) else None
    days = [day for data in data_sets() if data.name in DAYS for day in read_days(data, space)]
    best = fit(days)
    judged = [day for day in days if day.judged]
    print(f"fit: slope={best.slope:.2f}, rarity={best.rarity:.3f}, base={best.base:.2f}")
    for name, values in (
        ("same topics", measure(judged, [best] * len(judged))),
        ("other topics", cross_validate(days)),
    ):
        print(f"{name:13} precision {values[0]:.2f}  recall {values[1]:.2f}  false mail {values[2]:.3f}")


if __name__ == "__main__":
    main()
