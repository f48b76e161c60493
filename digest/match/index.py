"""The index: every term of a batch of papers, weighed. Pure; ranks nothing.

BM25 with the title counted twice and pairs of neighbouring terms as terms of their own, measured in
`tests/benchmarks/ranking.py` against the plain form. A pair is one number, `first * size + second`, so
that no string is made for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from digest.match.text import surfaces, term
from digest.models import Paper

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

TITLE_WEIGHT = 2  # one word in a title says as much as two in the abstract
PAIR_WEIGHT = 0.5  # of a pair in the topic, next to the two words that it is made of
K1 = 2.0
B = 0.4


@dataclass(frozen=True, eq=False)
class Index:
    """The weighted terms of a batch of papers."""

    papers: tuple[Paper, ...]
    vocabulary: Mapping[str, int]  # term -> column
    pairs: Ints  # sorted codes of the pairs; column = len(vocabulary) + place
    counts: Any  # papers x columns, float32 csr: how often, titles doubled
    idf: Floats  # one per column
    _spellings: dict[int, dict[str, str]] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """How many columns there are: terms, then pairs."""
        return len(self.vocabulary) + len(self.pairs)

    @cached_property
    def weights(self) -> Any:
        """BM25 weight of each term in each paper: columns x papers, float32 csr."""
        return _bm25(self.counts, len(self.vocabulary), self.idf)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Place of each paper by its id."""
        return {paper.id: number for number, paper in enumerate(self.papers)}

    def columns(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """The columns of these terms and of their neighbouring pairs, each once, unknown ones left out."""
        known = [self.vocabulary.get(word, -1) for word in words]
        codes = {
            a * len(self.vocabulary) + b for a, b in zip(known, known[1:], strict=False) if min(a, b) >= 0
        }
        places = np.searchsorted(self.pairs, list(codes)) if codes else ()
        found = [
            int(place) + len(self.vocabulary)
            for place, code in zip(places, codes, strict=True)
            if place < len(self.pairs) and self.pairs[place] == code
        ]
        return sorted({one for one in known if one >= 0}), sorted(found)

    def spellings(self, number: int) -> dict[str, str]:
        """How a paper writes each of its terms, by first occurrence; kept for the papers that were asked."""
        if number not in self._spellings:
            paper = self.papers[number]
            self._spellings[number] = {
                found: word for word in reversed([*surfaces(full_text(paper))]) if (found := term(word))
            }
        return self._spellings[number]


def full_text(paper: Paper) -> str:
    """What is read of a paper."""
    return f"{paper.title}\n{paper.abstract}"


def build_index(papers: Sequence[Paper]) -> Index:
    """Read `papers` once; the index then ranks any number of topics."""
    vocabulary: dict[str, int] = {}
    rows = [_term_numbers(paper, vocabulary) for paper in papers]
    counts, pairs = _count(rows, len(vocabulary))
    return Index(tuple(papers), vocabulary, pairs, counts, _idf(counts))


def _term_numbers(paper: Paper, vocabulary: dict[str, int]) -> list[list[int]]:
    """Numbers of the terms of the title and of the abstract, new terms entered into `vocabulary`."""
    return [
        [vocabulary.setdefault(found, len(vocabulary)) for word in surfaces(part) if (found := term(word))]
        for part in (paper.title, paper.abstract)
    ]


def _count(rows: Sequence[Sequence[Sequence[int]]], size: int) -> tuple[Any, Ints]:
    """Terms and pairs of all papers as one sparse matrix, and the codes of the pairs."""
    fields = [
        (number, np.asarray(words, np.int64), TITLE_WEIGHT if part == 0 else 1)
        for number, parts in enumerate(rows)
        for part, words in enumerate(parts)
    ]
    single = [words for _, words, _ in fields]
    coupled = [words[:-1] * size + words[1:] for words in single]
    pairs, places = np.unique(np.concatenate([*coupled, np.empty(0, np.int64)]), return_inverse=True)
    columns = np.concatenate([*single, size + places.astype(np.int64)])
    owners = [
        np.full(len(words), number)
        for kind in (single, coupled)
        for (number, _, _), words in zip(fields, kind, strict=True)
    ]
    times = [
        np.full(len(words), times, np.float32)
        for kind in (single, coupled)
        for (_, _, times), words in zip(fields, kind, strict=True)
    ]
    shape = (len(rows), size + len(pairs))
    empty = np.empty(0, np.int64)
    entries = (np.concatenate([*times, np.empty(0, np.float32)]), (np.concatenate([*owners, empty]), columns))
    counts = sparse.csr_matrix(entries, shape=shape, dtype=np.float32)
    counts.sum_duplicates()
    return counts, pairs


def _idf(counts: Any) -> Floats:
    """How rare each column is: ln(1 + (N - n + 0.5) / (n + 0.5))."""
    total = counts.shape[0]
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.log1p((total - having + 0.5) / (having + 0.5)).astype(np.float32)


def _bm25(counts: Any, terms: int, idf: Floats) -> Any:
    lengths = np.asarray(counts[:, :terms].sum(axis=1)).ravel()
    norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()) if len(lengths) else 1.0, 1.0))
    weights = counts.copy()
    owners = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    weights.data = counts.data * (K1 + 1) / (counts.data + norm[owners]) * idf[counts.indices]
    return weights.T.tocsr()
