"""How many subscribers a pass can match: python -m tests.benchmarks.match [--model FOLDER] [--rivals]

With --million, a million subscribers as well: by one process, and by two at once that share the blocks, as
two workers of `digest worker` do. Both take the topics that many follow, so they are ranked twice.

3,000 papers of the recorded corpus; subscribers with one to three topics. Most topics are shared, as
popular ones are (Zipf), one in fifty is nobody else's; some have likes, keywords, excluded words, authors
or categories. Each size runs in a process of its own, in blocks of 200 subscribers as in a pass, and ends
with the scores of every match above the cut and the reasons of the twelve best of each subscriber.

The rivals rank the same papers for the same subscribers, their papers read and indexed beforehand, as ours:
bm25s (its own retrieve, top 20) for every topic of every subscriber, as it is used, and for each distinct
topic once, as a clever user would; beside it our ranking alone, which does the same: no likes, no rules, no
reasons, top 20. And arxiv-sanity-lite (its last commit, d7a303b): features as in its compute.py, and for each
tag of a subscriber a LinearSVC as in its send_emails.py, which is fitted on all stored papers (here the
recorded month) before the new ones are taken; beside it the same fitted on the 3,000 new papers alone. A tag
stands for a topic and holds three papers. Both are timed on the first few subscribers, for a tag always takes
as long.
"""

import argparse
import gc
import gzip
import json
import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from digest.match import build_index, explain, rank, rank_ids
from digest.match.index import Index
from digest.match.learn import learn
from digest.match.meaning import Space
from digest.match.query import wordings
from digest.match.semantic import open_model
from digest.models import Match, Paper, Topic

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "feeds" / "corpus" / "arxiv-cs-2025-09.jsonl.gz"
PAPERS, BLOCK, CUT = 3000, 200, 50.0
SHARED_TOPICS = 20_000
SIZES, MILLION = (1_000, 10_000, 100_000), 1_000_000
SHOWN = 12  # papers of a mail
TOP, FEW = 20, 50  # the list that rivals give; subscribers that the slow one is timed on


def read_corpus() -> list[Paper]:
    """The recorded papers, in their order."""
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        rows = map(json.loads, file)
        return [
            Paper(
                id=row["arxiv_id"],
                title=row["title"],
                abstract=row["abstract"],
                authors=tuple(row["authors_raw"].split(", ")),
                categories=tuple(row["categories"]),
            )
            for row in rows
        ]


class Readers:
    """Made-up subscribers: their topics are phrases of real titles."""

    def __init__(self, corpus: Sequence[Paper]) -> None:
        self._random = random.Random(2026)
        self._titles = [paper.title.split() for paper in corpus if len(paper.title.split()) > 4]
        self._papers = [paper.id for paper in corpus]
        self._authors = [name for paper in corpus for name in paper.authors]
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
            keywords=(max(text.split(), key=len), "learning") if chance() < 0.05 else (),
            exclude=("survey",) if chance() < 0.05 else (),
            authors=(self._random.choice(self._authors),) if chance() < 0.05 else (),
            categories=("cs.CL", "cs.LG") if chance() < 0.05 else (),
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds of one method for one number of subscribers."""

    method: str
    subscribers: int
    topics: int  # that were ranked
    read: float = 0.0  # papers and liked papers
    encode: float = 0.0  # new topics, with the model
    match: float
    cpu: float
    peak: float  # MB of the whole process

    @property
    def rate(self) -> float:
        """Pairs of a subscriber and a paper, a second."""
        return self.subscribers * PAPERS / self.match

    def __str__(self) -> str:
        return (
            f"{self.method:24} {self.subscribers:11,} {self.topics:9,} {self.read:6.1f}s {self.encode:6.1f}s"
            f" {self.match:9.2f}s {self.cpu:9.2f}s {self.rate:9.2e} {self.peak:6.0f} MB"
        )


class Watch:
    """Wall clock and processor time since its making."""

    def __init__(self) -> None:
        gc.collect()  # what reading left behind is no part of what is measured,
        gc.freeze()  # nor what it made: a pass has no corpus beside its papers
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """As the fields of Measured, with the peak of memory."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {
            "match": time.perf_counter() - self.wall,
            "cpu": time.process_time() - self.cpu,
            "peak": peak,
        }


def ready_index(corpus: Sequence[Paper], space: Space | None = None) -> Index:
    """The index of a pass, with all that is made of papers alone."""
    index = build_index(corpus[:PAPERS], space)
    _ = index.weights, index.postings, index.meanings, index.rarity, index.twins
    _ = index.register.folded, index.register.simple, index.register.filed, index.register.signed
    _ = index.register.writing(()), index.words.lines, index.words.written
    rank(index, [Topic(name="language models")], reasons=False)
    return index


def measure(size: int, model: Path | None, worker: int = 0, workers: int = 1) -> Measured:
    """The whole matching of a pass: likes, rules, scores and reasons; of some workers the blocks of one."""
    corpus = read_corpus()
    every, starts = Readers(corpus).make(size), range(worker * BLOCK, size, workers * BLOCK)
    blocks = [every[start : start + BLOCK] for start in starts]
    readers, examples = [*chain.from_iterable(blocks)], {paper.id: paper for paper in corpus}
    distinct = list(dict.fromkeys(topic for topics in readers for topic in topics))
    reading = Watch()
    index = ready_index(corpus, open_model(model) if model else None)
    learn(index, [examples[one] for topic in distinct for one in topic.liked])
    read = reading.read()["match"]
    encoding = Watch()
    if model:
        index.space.topics([text for topic in distinct for text in wordings(topic)])
    encode, watch = encoding.read()["match"], Watch()
    for block in blocks:
        topics = [topic for own in block for topic in own]
        ranked = rank(index, topics, examples=examples, cut=CUT, or_best=True, reasons=False)
        found = iter(zip(topics, ranked, strict=True))
        winners = [pick for own in block for pick in best_of(islice(found, len(own)))]
        explain(index, winners, examples=examples)
    name = "digest + model" if model else "digest"
    return Measured(
        method=name,
        subscribers=len(readers),
        topics=len(distinct),
        read=read,
        encode=encode,
        **watch.read(),
    )


def measure_shared(size: int, model: Path | None, workers: int = 2) -> Measured:
    """The same by several processes at once: the time of the slowest, the work and the memory of all."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        one = partial(measure, size, model, workers=workers)
        done = [*pool.map(one, range(workers))]
    return Measured(
        method=f"{done[0].method}, {workers} workers",
        subscribers=size,
        topics=sum(each.topics for each in done),
        read=max(each.read for each in done),
        encode=max(each.encode for each in done),
        match=max(each.match for each in done),
        cpu=sum(each.cpu for each in done),
        peak=sum(each.peak for each in done),
    )


def best_of(ranked: Iterable[tuple[Topic, Sequence[Match]]]) -> list[tuple[Topic, Match]]:
    """What one reader is shown: the best matches of all topics, as many as a mail has by default."""
    above = [(topic, match) for topic, found in ranked for match in found[:SHOWN] if match.score >= CUT]
    return sorted(above, key=lambda pick: -pick[1].score)[:SHOWN]


def measure_alone(size: int) -> Measured:
    """Our ranking alone, of each distinct topic: what bm25s is asked."""
    corpus = read_corpus()
    topics = [Topic(name=text) for text in dict.fromkeys(texts_of(Readers(corpus).make(size)))]
    index, watch = ready_index(corpus), Watch()
    rank_ids(index, topics, limit=TOP)
    return Measured(method="digest, ranking alone", subscribers=size, topics=len(topics), **watch.read())


def texts_of(readers: Sequence[Sequence[Topic]]) -> list[str]:
    """What every topic of every subscriber is about."""
    return [topic.about for topics in readers for topic in topics]


def measure_bm25s(size: int, once: bool) -> Measured:
    """bm25s on every topic of every subscriber, or on each distinct one `once`."""
    import bm25s
    import snowballstemmer

    def tokens(texts: Sequence[str]) -> Any:
        stem = snowballstemmer.stemmer("english").stemWords
        return bm25s.tokenize(list(texts), stopwords="en", stemmer=stem, show_progress=False)

    corpus = read_corpus()
    texts = texts_of(Readers(corpus).make(size))
    topics = list(dict.fromkeys(texts)) if once else texts
    retriever = bm25s.BM25()
    retriever.index(
        tokens([f"{paper.title} {paper.abstract}" for paper in corpus[:PAPERS]]), show_progress=False
    )
    watch = Watch()  # reading the topics belongs to both
    retriever.retrieve(tokens(topics), k=TOP, show_progress=False)
    name = "bm25s, each topic once" if once else "bm25s"
    return Measured(method=name, subscribers=size, topics=len(topics), **watch.read())


def measure_svm(size: int, stored: int | None) -> Measured:
    """The method of arxiv-sanity-lite for a few subscribers, a tag a topic; None: all papers are stored."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    corpus = read_corpus()
    papers, tags = corpus[:stored], [len(topics) for topics in Readers(corpus).make(size)]
    vectorizer = TfidfVectorizer(
        strip_accents="unicode", token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b", stop_words="english",
        ngram_range=(1, 2), max_features=20_000, sublinear_tf=True, max_df=0.1, min_df=5,
    )  # fmt: skip
    features = vectorizer.fit_transform(
        [f"{paper.title} {paper.abstract} {' '.join(paper.authors)}" for paper in papers]
    )
    features, choose = features.astype(np.float32), np.random.default_rng(1)
    watch = Watch()
    for _ in range(sum(tags)):
        liked = np.zeros(len(papers), np.float32)
        liked[choose.choice(len(papers), 3, replace=False)] = 1
        scores = LinearSVC(class_weight="balanced", C=0.01, max_iter=10_000, tol=1e-6).fit(features, liked)
        np.argsort(-scores.decision_function(features))[:TOP]
    name = "its SVM on new papers" if stored else "arxiv-sanity-lite"
    return Measured(method=name, subscribers=size, topics=sum(tags), **watch.read())


def alone(function: Callable[..., Measured], *arguments: Any) -> Measured:
    """Run in a process of its own, so that the peak memory is that of the one size."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def compare(size: int, ours: Measured, svm: Measured) -> None:
    """Our ranking alone and bm25s for one size, and what ours is next to the rivals."""
    bare, once = alone(measure_alone, size), alone(measure_bm25s, size, True)
    each = alone(measure_bm25s, size, False)
    for line in (bare, each, once):
        print(line)
    for name, mine, theirs in (("digest", ours, each), ("ranking alone, each topic once,", bare, once)):
        print(
            f"{'':24} {size:11,}: {name} is {mine.rate / theirs.rate:.1f} times bm25s, "
            f"{mine.rate / svm.rate:,.0f} times arxiv-sanity-lite"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of the optional model")
    parser.add_argument("--million", action="store_true", help="also measure 1,000,000 subscribers")
    parser.add_argument("--rivals", action="store_true", help="also bm25s and scikit-learn, if installed")
    options = parser.parse_args()
    print(f"{'method':24} subscribers    topics    read  encode      match        cpu   pairs/s      peak")
    if options.rivals:
        print(alone(measure_svm, FEW, PAPERS))
        print(svm := alone(measure_svm, FEW, None))
    for size in (*SIZES, *([MILLION] if options.million else [])):
        print(ours := alone(measure, size, options.model))
        if size == MILLION:
            print(measure_shared(size, options.model))
        if options.rivals:
            compare(size, ours, svm)


if __name__ == "__main__":
    main()
