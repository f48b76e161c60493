"""Make digest/match/background.npz: python -m tests.benchmarks.background --model FOLDER --output FILE

From titles and abstracts of arXiv (metadata under CC0) in `../shared/feeds`: how many papers hold each
term, and a direction for each term such that the sum of a text's terms comes near to what the sentence
model says of the text (ridge regression, then the 64 strongest axes). Terms in fewer than five papers are
left out. Takes about six minutes, nearly all of them in the model.
"""

import argparse
import gzip
import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from digest.match.background import rareness
from digest.match.index import unit_rows
from digest.match.semantic import open_model
from digest.match.text import terms

FEEDS = Path(__file__).resolve().parents[3] / "shared" / "feeds"
FEWEST = 5
AXES = 64
RIDGE = 2.0


def read_papers() -> list[tuple[str, str]]:
    """Title and abstract of every recorded arXiv paper, each once."""
    found = dict(_corpus())
    for day in sorted((FEEDS / "replay").glob("*/cs.*.xml.gz")):
        for key, paper in _day(day):
            found.setdefault(key, paper)
    return list(found.values())


def _corpus() -> Iterator[tuple[str, tuple[str, str]]]:
    with gzip.open(next((FEEDS / "corpus").glob("*.jsonl.gz")), "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            yield row["arxiv_id"], (row["title"], row["abstract"])


def _day(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for item in ElementTree.fromstring(gzip.decompress(path.read_bytes())).iter("item"):
        abstract = (item.findtext("description") or "").split("Abstract:", 1)[-1].strip()
        yield (item.findtext("link") or "").rsplit("/", 1)[-1], (item.findtext("title") or "", abstract)


def count(texts: Sequence[Sequence[str]]) -> dict[str, int]:
    """In how many texts each term occurs, by term; rare terms left out."""
    having = Counter(term for text in texts for term in set(text))
    return {term: having[term] for term in sorted(having) if having[term] >= FEWEST}


def weigh(texts: Sequence[Sequence[str]], numbers: dict[str, int], rarity: np.ndarray) -> sparse.csr_matrix:
    """TF-IDF of the texts, each row of length one."""
    known = [[numbers[term] for term in text if term in numbers] for text in texts]
    ends = np.concatenate([[0], np.cumsum([len(row) for row in known])])
    columns = np.array([column for row in known for column in row], np.int64)
    shape = (len(texts), len(numbers))
    matrix = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=shape)
    matrix.sum_duplicates()
    matrix.data = (1 + np.log(matrix.data)) * rarity[matrix.indices]
    return unit_rows(matrix)


def fit(features: sparse.csr_matrix, targets: np.ndarray) -> np.ndarray:
    """A direction for each term: ridge regression, turned to its strongest axes."""
    gram = (features.T @ features).toarray()
    gram[np.diag_indices_from(gram)] += RIDGE
    directions = np.linalg.solve(gram, features.T @ (targets - targets.mean(axis=0)))
    left, strength, _ = np.linalg.svd(directions, full_matrices=False)
    return np.asarray(left[:, :AXES] * strength[:AXES])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder of the optional model")
    parser.add_argument("--output", type=Path, required=True, help="the table to write")
    options = parser.parse_args()
    papers, model = read_papers(), open_model(options.model)
    targets = np.concatenate(
        [
            model.encode([title for title, _ in papers]),
            model.encode([f"{title}. {rest}" for title, rest in papers]),
        ]
    )
    titles = [terms(title) for title, _ in papers]
    wholes = [[*title, *terms(rest)] for title, (_, rest) in zip(titles, papers, strict=True)]
    having = count(wholes)
    counts = np.array([*having.values()], np.int64)
    numbers = {term: number for number, term in enumerate(having)}
    vectors = fit(weigh([*titles, *wholes], numbers, rareness(counts, len(papers))), targets)
    scale = np.abs(vectors).max() / 127
    np.savez_compressed(
        options.output,
        total=np.int64(len(papers)),
        words=np.frombuffer("\n".join(having).encode(), np.uint8),
        counts=counts.astype(np.uint16),
        vectors=np.round(vectors / scale).astype(np.int8),
        scale=np.float32(scale),
    )
    print(f"{len(having)} terms of {len(papers)} papers: {options.output.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
