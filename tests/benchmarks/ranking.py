"""How good is the ranking?  python -m tests.benchmarks.ranking [--model FOLDER] [--output FOLDER]

The table of README.md: nDCG@10, MAP and R@20 on the judged papers of `../shared/ranking`, mean over the
data sets, with 95 % bootstrap intervals. The rivals need `pip install bm25s scikit-learn`; what is not
installed is left out and named. With --output, the runs of every method are kept for score.py.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import snowballstemmer

from digest.match import build_index, rank
from digest.match.meaning import Space
from digest.match.semantic import open_model
from digest.match.text import STOP_WORDS, fold
from tests.benchmarks.judged import DataSet, data_sets, score

#: What a method gives: for each query the ids, best first.
Run = Mapping[str, Sequence[tuple[str, float]]]
Method = Callable[[DataSet], Run]


def texts(data: DataSet) -> list[str]:
    """Title and abstract of each paper."""
    return [f"{paper.title} {paper.abstract}" for paper in data.papers]


def by_scores(data: DataSet, scores: Iterator[np.ndarray]) -> Run:
    """Runs from one array of scores a query."""
    ids = [paper.id for paper in data.papers]
    return {
        query["qid"]: [(ids[n], float(row[n])) for n in np.argsort(-row, kind="stable")]
        for query, row in zip(data.queries, scores, strict=True)
    }


def keyword_search(data: DataSet) -> Run:
    """arxiv-sanity's search: how many words of the topic occur, a title counting for five."""
    titles = [set(fold(paper.title).split()) for paper in data.papers]
    words = [set(fold(text).split()) for text in texts(data)]
    wanted = [set(fold(query["topic"]).split()) - STOP_WORDS for query in data.queries]
    pairs = [*zip(titles, words, strict=True)]
    return by_scores(data, (np.array([5.0 * len(q & t) + len(q & w) for t, w in pairs]) for q in wanted))


def tf_idf(data: DataSet) -> Run:
    """TF-IDF of one and two words, as scikit-learn makes it; cosine with the topic."""
    vectorizer, features = _tf_idf(data)
    topics = vectorizer.transform([query["topic"] for query in data.queries])
    return by_scores(data, iter((topics @ features.T).toarray()))


def sanity_lite(data: DataSet) -> Run:
    """arxiv-sanity-lite: one LinearSVC a tag, trained on the likes; the topic is not used."""
    from sklearn.svm import LinearSVC

    _, features = _tf_idf(data)
    places = {paper.id: place for place, paper in enumerate(data.papers)}

    def scores(query: Mapping[str, Any]) -> np.ndarray:
        liked = np.zeros(len(places))
        liked[[places[one] for one in query.get("liked", ())]] = 1
        if not liked.any():
            return liked
        machine = LinearSVC(class_weight="balanced", max_iter=10_000, tol=1e-6, C=0.01).fit(features, liked)
        return np.asarray(machine.decision_function(features))

    return by_scores(data, map(scores, data.queries))


def _tf_idf(data: DataSet) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), stop_words="english", sublinear_tf=True, max_features=20_000
    )
    return vectorizer, vectorizer.fit_transform(texts(data))


def bm25(data: DataSet) -> Run:
    """bm25s with English stop words and Snowball stems."""
    import bm25s

    stemmer = snowballstemmer.stemmer("english")

    def tokens(some: list[str]) -> list[list[str]]:
        found = bm25s.tokenize(
            some, stopwords="en", stemmer=stemmer.stemWords, return_ids=False, show_progress=False
        )
        return list(found)

    retriever = bm25s.BM25()
    retriever.index(tokens(texts(data)), show_progress=False)
    topics = tokens([query["topic"] for query in data.queries])
    return by_scores(
        data, (retriever.get_scores(topic) if topic else np.zeros(len(data.papers)) for topic in topics)
    )


def digest(space: Space | None) -> Method:
    """Ours: what `digest rank` writes."""

    def method(data: DataSet) -> Run:
        ranked = rank(build_index(data.papers, space), data.topics(), examples=data.by_id)
        return {
            query["qid"]: [(match.paper_id, match.score) for match in matches]
            for query, matches in zip(data.queries, ranked, strict=True)
        }

    return method


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of the optional model")
    parser.add_argument("--output", type=Path, help="folder for the runs")
    options = parser.parse_args()
    methods: dict[str, tuple[Method, tuple[str, ...]]] = {
        "keyword search": (keyword_search, ("topic",)),
        "TF-IDF, scikit-learn": (tf_idf, ("topic",)),
        "BM25, bm25s": (bm25, ("topic",)),
        "arxiv-sanity-lite (SVM)": (sanity_lite, ("likes",)),
        "digest": (digest(None), ("topic", "likes")),
    }
    if options.model:
        methods["digest + model"] = (digest(open_model(options.model)), ("topic", "likes"))
    sets = list(data_sets())
    print("| method | task | nDCG@10 | MAP | R@20 |\n|---|---|---|---|---|")
    for name, (method, tasks) in methods.items():
        try:
            runs = {data.name: method(data) for data in sets}
        except ImportError as error:
            print(f"{name} is left out: pip install bm25s scikit-learn ({error})", file=sys.stderr)
            continue
        if options.output:
            _keep(options.output / name.split(",")[0].replace(" ", "-"), runs)
        for task in tasks:
            print(f"| {name} | {task} | {' | '.join(_cells(sets, runs, task))} |")


def _cells(sets: Sequence[DataSet], runs: Mapping[str, Run], task: str) -> Iterator[str]:
    judge = score()
    groups = []
    for data in sets:
        queries = {query["qid"]: query for query in data.queries}
        grades: dict[str, Mapping[str, int]] = {qid: {} for qid in queries} | dict(data.grades)
        values = judge.per_query(runs[data.name], grades, queries, task)[1]
        if len(values):
            groups.append(values)
    for mean, low, high in list(zip(*judge.group_bootstrap(groups), strict=True))[:3]:
        yield f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _keep(folder: Path, runs: Mapping[str, Run]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, run in runs.items():
        (folder / f"{name}.json").write_text(json.dumps(run))


if __name__ == "__main__":
    main()
