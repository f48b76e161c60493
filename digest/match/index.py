"""The index: every term of a batch of papers, weighed. Pure; ranks nothing.

BM25 with the title counted twice and pairs of neighbouring terms as terms of their own. A pair is one
number, `first * size + second`, so that no string is made for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from digest.match.text import fold, plain, surfaces, term
from digest.models import Paper

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

TITLE_WEIGHT = 2  # one word in a title says as much as two in the abstract
K1 = 2.0  # how long a repeated term goes on to add weight
B = 0.4  # how far long abstracts are held against their words


@dataclass(frozen=True, eq=False)
class Index:
    """The weighted terms of a batch of papers; columns are terms, then pairs."""

    papers: tuple[Paper, ...]
    vocabulary: Mapping[str, int]  # term -> column
    pairs: Ints  # sorted codes of the pairs; column = len(vocabulary) + place
    counts: Any  # papers x columns, float32 csr: how often, titles doubled
    idf: Floats  # one per column
    _spellings: dict[int, dict[str, str]] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """How many columns there are."""
        return len(self.vocabulary) + len(self.pairs)

    @cached_property
    def weights(self) -> Any:
        """BM25 weight of each term in each paper: columns x papers, float32 csr."""
        return _bm25(self.counts, len(self.vocabulary), self.idf)

    @cached_property
    def vectors(self) -> Any:
        """TF-IDF direction of each paper, of length one: papers x columns, float32 csr."""
        return unit_rows(self.counts, self.idf)

    @cached_property
    def folded(self) -> list[str]:
        """Folded text of each paper, in which keywords are looked for."""
        return [fold(plain(full_text(paper))) for paper in self.papers]

    def columns(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """The columns of these terms and of their neighbouring pairs, each once, unknown ones left out."""
        known = [self.vocabulary.get(word, -1) for word in words]
        base = len(self.vocabulary)
        codes = np.array([a * base + b for a, b in pairwise(known) if a >= 0 and b >= 0], np.int64)
        return sorted({one for one in known if one >= 0}), sorted(set(self._places(codes).tolist()))

    def _places(self, codes: Ints) -> Ints:
        """The columns of those pairs that occur."""
        places = np.searchsorted(self.pairs, codes)
        places[places == len(self.pairs)] = 0
        found = self.pairs[places] == codes if len(self.pairs) else np.zeros(len(codes), bool)
        return np.asarray(places[found] + len(self.vocabulary), np.int64)

    def count(self, papers: Sequence[Paper]) -> Any:
        """The terms of other papers in the columns of this index, those that it lacks left out."""
        owners, columns, times = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        base = len(self.vocabulary)
        for number, paper in enumerate(papers):
            for words, weight in zip(_fields(paper), (TITLE_WEIGHT, 1), strict=True):
                known = np.array([self.vocabulary.get(word, -1) for word in words], np.int64)
                first, second = known[:-1], known[1:]
                both = (first >= 0) & (second >= 0)
                found = np.concatenate([known[known >= 0], self._places((first * base + second)[both])])
                columns.append(found)
                owners.append(np.full(len(found), number))
                times.append(np.full(len(found), weight, np.float32))
        return _matrix(owners, columns, times, (len(papers), self.size))

    def spellings(self, number: int) -> dict[str, str]:
        """How a paper writes each of its terms, by first occurrence; kept for the papers that were asked."""
        if number not in self._spellings:
            words = [*surfaces(full_text(self.papers[number]))]
            self._spellings[number] = {found: word for word in reversed(words) if (found := term(word))}
        return self._spellings[number]


def full_text(paper: Paper) -> str:
    """What is read of a paper."""
    return f"{paper.title}\n{paper.abstract}"


def build_index(papers: Sequence[Paper]) -> Index:
    """Read `papers` once; the index then ranks any number of topics."""
    vocabulary: dict[str, int] = {}
    rows = [
        [
            np.array([vocabulary.setdefault(word, len(vocabulary)) for word in words], np.int64)
            for words in both
        ]
        for both in map(_fields, papers)
    ]
    counts, pairs = _count(rows, len(vocabulary))
    return Index(tuple(papers), vocabulary, pairs, counts, _idf(counts))


def _fields(paper: Paper) -> tuple[list[str], list[str]]:
    """The terms of the title and of the abstract; no pair spans the two."""
    title = [found for word in surfaces(paper.title) if (found := term(word))]
    return title, [found for word in surfaces(paper.abstract) if (found := term(word))]


def _count(rows: Sequence[Sequence[Ints]], size: int) -> tuple[Any, Ints]:
    """Terms and pairs of all papers as one sparse matrix, and the codes of the pairs."""
    single = [words for both in rows for words in both]
    coupled = [words[:-1] * size + words[1:] for words in single]
    pairs, places = np.unique(np.concatenate([*coupled, np.empty(0, np.int64)]), return_inverse=True)
    owners = [
        np.full(len(words), number // 2) for kind in (single, coupled) for number, words in enumerate(kind)
    ]
    times = [
        np.full(len(words), 1 if number % 2 else TITLE_WEIGHT, np.float32)
        for kind in (single, coupled)
        for number, words in enumerate(kind)
    ]
    columns = [*single, size + places.astype(np.int64)]
    return _matrix(owners, columns, times, (len(rows), size + len(pairs))), pairs


def _matrix(owners: list[Any], columns: list[Any], times: list[Any], shape: tuple[int, int]) -> Any:
    """Sparse counts; entries of one paper and column are added up."""
    if not columns or not shape[0]:
        return sparse.csr_matrix(shape, dtype=np.float32)
    entries = (np.concatenate(times), (np.concatenate(owners), np.concatenate(columns)))
    matrix = sparse.csr_matrix(entries, shape=shape, dtype=np.float32)
    matrix.sum_duplicates()
    return matrix


def _idf(counts: Any) -> Floats:
    """How rare each column is: ln(1 + (N - n + 0.5) / (n + 0.5))."""
    total = counts.shape[0]
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.asarray(np.log1p((total - having + 0.5) / (having + 0.5)), np.float32)


def _bm25(counts: Any, terms: int, idf: Floats) -> Any:
    lengths = np.asarray(counts[:, :terms].sum(axis=1)).ravel()
    usual = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    norm = K1 * (1 - B + B * lengths / usual)
    weights = counts.copy()
    owners = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    weights.data = (counts.data * (K1 + 1) / (counts.data + norm[owners]) * idf[counts.indices]).astype(
        np.float32
    )
    return weights.T.tocsr()


def unit_rows(counts: Any, idf: Floats) -> Any:
    """TF-IDF with dampened counts, each row of length one."""
    vectors = counts.copy()
    vectors.data = (1 + np.log(vectors.data)) * idf[vectors.indices]
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    vectors.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(vectors.indptr)).astype(np.float32)
    return vectors
