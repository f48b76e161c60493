"""How many subscribers a pass can match: python -m tests.benchmarks.match [--model FOLDER] [--rivals]

3,000 papers of the recorded corpus; subscribers with one to three topics. Most topics are shared, as
popular ones are (Zipf), one in fifty is nobody else's; some have likes, keywords, excluded words or authors.
Each size runs in a process of its own, in blocks of 200 subscribers as in a pass, and ends with scores and
reasons of every match above the cut. The rivals rank the same papers for the same topics: bm25s (its own
retrieve, top 20) and the method of arxiv-sanity-lite (TF-IDF, one LinearSVC a subscriber).
"""

import argparse
import gzip
import json
import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from digest.match import build_index, rank
from digest.match.semantic import open_model
from digest.models import Paper, Topic

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "feeds" / "corpus" / "arxiv-cs-2025-09.jsonl.gz"
PAPERS, BLOCK, CUT = 3000, 200, 50.0
SHARED_TOPICS = 20_000
SIZES, MILLION = (1_000, 10_000, 100_000), 1_000_000


def read_corpus() -> list[Paper]:
    """The recorded papers, in their order."""
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        rows = map(json.loads, file)
        return [Paper(id=row["arxiv_id"], title=row["title"], abstract=row["abstract"]) for row in rows]


class Readers:
    """Made-up subscribers: their topics are phrases of real titles."""

    def __init__(self, corpus: Sequence[Paper]) -> None:
        self._random = random.Random(2026)
        self._titles = [paper.title.split() for paper in corpus if len(paper.title.split()) > 4]
        self._papers = [paper.id for paper in corpus]
        self._shared = [self._topic(number) for number in range(SHARED_TOPICS)]
        self._weights = [1 / (number + 10) for number in range(SHARED_TOPICS)]

    def make(self, count: int) -> list[tuple[Topic, ...]]:
        """The topics of `count` subscribers."""
        shared = iter(self._random.choices(self._shared, self._weights, k=3 * count))
        return [
            tuple(
                self._topic(number * 3 + place, private=True)
                if self._random.random() < 0.02
                else next(shared)
                for place in range(self._random.randint(1, 3))
            )
            for number in range(count)
        ]

    def _topic(self, number: int, private: bool = False) -> Topic:
        title = self._random.choice(self._titles)
        start, length = self._random.randrange(len(title) - 2), self._random.randint(2, 5)
        text, chance = " ".join(title[start : start + length]), self._random.random
        return Topic(
            name=f"{text} ({number})" if private else text,
            about=text,
            liked=tuple(self._random.sample(self._papers, self._random.randint(1, 5)))
            if chance() < 0.15
            else (),
            keywords=(text.split()[0], "learning") if chance() < 0.05 else (),
            exclude=("survey",) if chance() < 0.05 else (),
        )


def measure(size: int, model: Path | None) -> dict[str, float]:
    """One size: seconds of a whole pass and the peak memory of the process."""
    corpus = read_corpus()
    readers, examples = Readers(corpus).make(size), {paper.id: paper for paper in corpus}
    started = time.perf_counter()
    index = build_index(corpus[:PAPERS], open_model(model) if model else None)
    _ = index.weights, index.postings, index.meanings, index.rarity, index.folded
    indexed = time.perf_counter()
    distinct = list(dict.fromkeys(topic for topics in readers for topic in topics))
    encoded = time.perf_counter()
    if model:
        index.space.topics([topic.text for topic in distinct])
    start, burnt = time.perf_counter(), time.process_time()
    matches = 0
    for first in range(0, size, BLOCK):
        topics = [topic for block in readers[first : first + BLOCK] for topic in block]
        matches += sum(map(len, rank(index, topics, examples=examples, cut=CUT, or_best=True)))
    return {
        "index": indexed - started,
        "encode": start - encoded,
        "match": time.perf_counter() - start,
        "cpu": time.process_time() - burnt,
        "topics": len(distinct),
        "matches": matches,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_plain(size: int) -> dict[str, float]:
    """The same topics without likes and rules, each distinct one ranked once, top 20: what bm25s is asked."""
    corpus = read_corpus()
    topics = {Topic(name=topic.about) for reader in Readers(corpus).make(size) for topic in reader}
    index = build_index(corpus[:PAPERS])
    _ = index.weights, index.meanings, index.rarity
    start = time.perf_counter()
    rank(index, [*topics], limit=20)
    return {"match": time.perf_counter() - start, "topics": len(topics)}


def measure_bm25s(size: int) -> dict[str, float]:
    """bm25s on the same topics, each distinct one ranked once."""
    import bm25s
    import snowballstemmer

    corpus, stemmer = read_corpus(), snowballstemmer.stemmer("english")
    texts = [f"{paper.title} {paper.abstract}" for paper in corpus[:PAPERS]]
    topics = {topic.about for reader in Readers(corpus).make(size) for topic in reader}
    retriever = bm25s.BM25()
    retriever.index(_tokens(bm25s, texts, stemmer), show_progress=False)
    start = time.perf_counter()  # reading the topics belongs to both
    retriever.retrieve(_tokens(bm25s, [*topics], stemmer), k=20, show_progress=False)
    return {"match": time.perf_counter() - start, "topics": len(topics)}


def _tokens(bm25s: Any, texts: Sequence[str], stemmer: Any) -> Any:
    return bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer.stemWords, show_progress=False)


def measure_svm(size: int) -> dict[str, float]:
    """The method of arxiv-sanity-lite for a few subscribers with three likes each."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    papers = read_corpus()[:PAPERS]
    vectorizer = TfidfVectorizer(
        stop_words="english", ngram_range=(1, 2), max_features=20_000, sublinear_tf=True
    )
    features = vectorizer.fit_transform([f"{paper.title} {paper.abstract}" for paper in papers])
    choose = np.random.default_rng(1)
    start = time.perf_counter()
    for _ in range(size):
        liked = np.zeros(PAPERS)
        liked[choose.choice(PAPERS, 3, replace=False)] = 1
        scores = LinearSVC(class_weight="balanced", C=0.01, max_iter=10_000, tol=1e-6).fit(features, liked)
        np.argsort(-scores.decision_function(features))[:20]
    return {"match": time.perf_counter() - start, "topics": size}


def alone(function: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """Run in a process of its own, so that the peak memory is that of the one size."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of the optional model")
    parser.add_argument("--million", action="store_true", help="also measure 1,000,000 subscribers")
    parser.add_argument("--rivals", action="store_true", help="also bm25s and scikit-learn, if installed")
    options = parser.parse_args()
    print("method            subscribers  distinct topics   index  encode   match     cpu   pairs/s    peak")
    for size in (*SIZES, *([MILLION] if options.million else [])):
        found = alone(measure, size, options.model)
        rate = size * PAPERS / found["match"]
        name = "digest + model" if options.model else "digest"
        print(
            f"{name:16} {size:12,} {found['topics']:16,.0f} {found['index']:6.1f}s {found['encode']:6.1f}s"
            f" {found['match']:6.2f}s {found['cpu']:6.2f}s {rate:9.2e} {found['peak']:5.0f} MB"
        )
    if options.rivals:
        for name, function, size in (
            ("bm25s", measure_bm25s, 10_000),
            ("arxiv-sanity-lite", measure_svm, 20),
        ):
            found = alone(function, size)
            rate = size * PAPERS / found["match"]
            print(f"{name:17} {size:11,} {found['topics']:16,.0f} {found['match']:21.2f}s {rate:9.2e}")


if __name__ == "__main__":
    main()
