"""The index: every term of a batch of papers, weighed. Pure; ranks nothing.

BM25F: title and abstract are each put into proportion to their length, then counted together, and a word
in the title says as much as four in the abstract. Pairs of neighbouring terms are terms of their own; a
pair is one number, `first * size + second`, so that no string is made for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from digest.match.acronyms import Acronyms, learn_acronyms
from digest.match.background import load_background, never, rareness
from digest.match.exact import exact
from digest.match.memory import Memory
from digest.match.register import Register
from digest.match.spelling import Spelling
from digest.match.text import full_text, plain
from digest.match.words import END, Ints, Words, cut
from digest.models import Match, Paper

if TYPE_CHECKING:
    from digest.match.meaning import Space
    from digest.match.reasons import Teller

Floats = npt.NDArray[np.float32]

TITLE_WEIGHT = 4.0  # what a word in the title says, next to one in the abstract
TITLE_LENGTH, ABSTRACT_LENGTH = 0.6, 0.4  # how far length is held against the words: 0 not, 1 wholly
SATURATION = 2.0  # BM25's k1: how long a repeated term goes on to add weight
PAIR_WEIGHT = 0.5  # of a pair next to the two words that it is made of
TWIN_MEANING, TWIN_WORDS = 0.85, 0.65  # cosines from which two papers say the same, in almost the same words
TWIN_TERMS = 30  # different ones in the abstract, below which there is too little to tell near-duplicates by
LISTS = 40_000  # lists of matches that are kept for topics that come again: about 11 kB each
TELLERS = 10_000  # topics of which the reasons are kept that readers were shown: about 4 kB each
SHOWN = 100_000  # matches that are kept beside the same without reasons: about 0.4 kB each
EXAMPLES = 20_000  # liked and disliked papers that are kept: about 5 kB each
COMMON = 256  # columns that are multiplied as a dense matrix: 3 MB for 3,000 papers, which stay in a cache
LIKENESS_TITLE_WEIGHT = 2.0  # what a word in the title says where whole papers are compared


@dataclass(frozen=True, slots=True)
class Example:
    """A liked or disliked paper, seen from an index."""

    columns: Ints  # where its TF-IDF direction is not zero
    words: Floats  # and what it is there
    meaning: Floats  # its place in the space of the index


@dataclass(frozen=True, eq=False, slots=True)
class Postings:
    """Which papers have a column, and how much of it.

    Most of a product goes into the few columns that most papers have: these are multiplied as a dense
    matrix, which is quicker.
    """

    columns: Any  # columns x papers, float32 csr
    places: Ints  # of each column its row among the common ones, or -1
    common: Floats  # the rows of the COMMON columns, dense

    def near(self, directions: Any) -> Floats:
        """Products of directions, which are sparse rows, with the vector of each paper."""
        entries = directions.indices
        places = self.places[entries]
        rows = np.repeat(np.arange(directions.shape[0]), np.diff(directions.indptr))
        is_common = places >= 0
        wide = np.zeros((directions.shape[0], len(self.common)), np.float32)
        wide[rows[is_common], places[is_common]] = exact(directions.data[is_common])
        postings = self.columns[entries[~is_common]]
        ends = np.append(0, np.cumsum(~is_common))[directions.indptr]
        found = add_up(postings, each(directions.data[~is_common], postings) * postings.data, ends)
        found += wide @ self.common
        return found


@dataclass(frozen=True, eq=False)
class Index:
    """The weighted terms of a batch of papers; columns are terms, then pairs."""

    papers: tuple[Paper, ...]
    words: Words  # of the titles, then of the abstracts
    pairs: Ints  # sorted codes of the pairs; column = len(vocabulary) + place
    titles: Any  # papers x columns, float32 csr: how often in the title
    abstracts: Any  # the same of the abstract
    idf: Floats  # one per column
    space: Space  # where meanings are compared: the table of related words, or the optional model
    ranked: Memory[Any, list[Match]] = field(default_factory=lambda: Memory(LISTS), repr=False)  # by topic
    tellers: Memory[Any, Teller] = field(default_factory=lambda: Memory(TELLERS), repr=False)  # by topic
    shown: Memory[int, tuple[Match, Match]] = field(default_factory=lambda: Memory(SHOWN), repr=False)
    known: Memory[str, Example] = field(default_factory=lambda: Memory(EXAMPLES), repr=False)  # by paper

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """The column of each term."""
        return self.words.vocabulary

    @property
    def size(self) -> int:
        """How many columns there are."""
        return len(self.vocabulary) + len(self.pairs)

    @cached_property
    def rarest(self) -> float:
        """The rarity, in this batch, of a word that none of the papers holds."""
        return never(len(self.papers))

    @cached_property
    def acronyms(self) -> Acronyms:
        """The acronyms of the literature and of these papers."""
        return learn_acronyms(map(full_text, self.papers))

    @cached_property
    def register(self) -> Register:
        """Where rules look these papers up."""
        return Register(self.papers, self.texts, self.words)

    @cached_property
    def ids(self) -> Sequence[str]:
        """The id of each paper."""
        return [paper.id for paper in self.papers]

    @cached_property
    def texts(self) -> Sequence[str]:
        """What is read of each paper."""
        return [plain(full_text(paper)) for paper in self.papers]

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Place of each paper by its id."""
        return {one: number for number, one in enumerate(self.ids)}

    @cached_property
    def weights(self) -> Any:
        """BM25F weight of each term in each paper: columns x papers, float32 csr."""
        terms = len(self.vocabulary)
        counts = TITLE_WEIGHT * _proportional(self.titles, terms, TITLE_LENGTH)
        counts = (counts + _proportional(self.abstracts, terms, ABSTRACT_LENGTH)).tocsr()
        counts.data *= (SATURATION + 1) / (counts.data + SATURATION) * self.idf[counts.indices]
        return counts.T.tocsr()

    @cached_property
    def vectors(self) -> Any:
        """TF-IDF direction of each paper, of length one: papers x columns, float32 csr."""
        return self._directions(self.titles, self.abstracts)

    @cached_property
    def postings(self) -> Postings:
        """The vectors by column."""
        columns = self.vectors.T.tocsr()
        having = np.diff(columns.indptr)
        common = np.argsort(-having, kind="stable")[:COMMON]
        places = np.full(self.size, -1)
        places[common] = np.arange(len(common))
        return Postings(columns, places, exact(columns[common].toarray()))

    @cached_property
    def meanings(self) -> Floats:
        """What each paper is about, as a point of the space: rows of length one, or zero."""
        return exact(self.space.papers(self))

    @cached_property
    def twins(self) -> Sequence[int]:
        """For each paper the first paper of which it is a near-duplicate; itself, if it is none."""
        twins = list(range(len(self.papers)))
        enough = np.diff(self.abstracts[:, : len(self.vocabulary)].tocsr().indptr) >= TWIN_TERMS
        for start in range(0, len(twins), 1000):
            near = self.meanings[start : start + 1000] @ self.meanings[start:].T >= TWIN_MEANING
            first, second = (places + start for places in np.nonzero(np.triu(near, 1)))
            told = enough[first] & enough[second]
            first, second = first[told], second[told]
            same = np.ravel(self.vectors[first].multiply(self.vectors[second]).sum(axis=1)) >= TWIN_WORDS
            for one, other in zip(first[same].tolist(), second[same].tolist(), strict=True):
                twins[other] = min(twins[other], twins[one])
        return twins

    @cached_property
    def rarity(self) -> Floats:
        """How rare each term is in the literature, refreshed by these papers: what makes scores absolute."""
        background = load_background()
        having = np.bincount((self.titles + self.abstracts).indices, minlength=self.size)
        before = np.array([background.having(word) for word in self.vocabulary], np.int64)
        seen = before + having[: len(self.vocabulary)]
        return rareness(seen, background.total + len(self.papers))

    def rarity_of(self, signs: str) -> float:
        """The rarities of some terms of these papers, given as signs, together."""
        return sum([self._rarities[number] for number in self.words.numbers(signs)])

    @cached_property
    def _rarities(self) -> Sequence[float]:
        found: list[float] = self.rarity.tolist()
        return found

    def places(self, first: Ints, second: Ints) -> Ints:
        """The column of each pair of terms; -1 where one of them is unknown or the pair does not occur."""
        codes = np.where((first >= 0) & (second >= 0), first * len(self.vocabulary) + second, -1)
        if not len(self.pairs):
            return np.full_like(codes, -1)
        places = np.minimum(np.searchsorted(self.pairs, codes), len(self.pairs) - 1)
        return np.where(self.pairs[places] == codes, places + len(self.vocabulary), -1)

    def directions(self, other: Index) -> Any:
        """TF-IDF direction of the papers of another index; terms that this index lacks are left out."""
        columns = self._columns_of(other)
        return self._directions(
            _renumber(other.titles, columns, self.size), _renumber(other.abstracts, columns, self.size)
        )

    def spelling(self, number: int) -> Spelling:
        """How a paper writes its words."""
        abstract, lines, written = number + len(self.papers), self.words.lines, self.words.written
        return Spelling(
            self.texts[number],
            f"{lines[number]}{END}{lines[abstract]}",
            f"{written[number]}{END}{written[abstract]}",
            self.words,
        )

    def _directions(self, titles: Any, abstracts: Any) -> Any:
        vectors = (LIKENESS_TITLE_WEIGHT * titles + abstracts).tocsr()
        share = np.where(np.arange(self.size) < len(self.vocabulary), np.float32(1), np.float32(PAIR_WEIGHT))
        vectors.data = (1 + np.log(vectors.data)) * (share * self.idf)[vectors.indices]
        return unit_rows(vectors)

    def _columns_of(self, other: Index) -> Ints:
        """For each column of another index the column here; -1 where this index lacks it."""
        single = np.array([self.vocabulary.get(word, -1) for word in other.vocabulary], np.int64)
        first, second = np.divmod(other.pairs, max(len(other.vocabulary), 1))
        return np.concatenate([single, self.places(single[first], single[second])])


def build_index(papers: Sequence[Paper], space: Space | None = None) -> Index:
    """Read `papers` once; the index then ranks any number of topics.

    `space` is the optional model of `digest.match.semantic`; without it, related words are looked up in
    the table that the package ships.
    """
    from digest.match.related import load_related_words

    words = cut([paper.title for paper in papers] + [paper.abstract for paper in papers])
    paired, codes = words.pairs()
    pairs, places = np.unique(codes, return_inverse=True)
    terms = len(words.vocabulary)
    columns = np.concatenate([words.terms, places.astype(np.int64) + terms])
    counts = _matrix(np.concatenate([words.rows, paired]), columns, (2 * len(papers), terms + len(pairs)))
    titles, abstracts = counts[: len(papers)], counts[len(papers) :]
    having = np.bincount((titles + abstracts).indices, minlength=terms + len(pairs))
    idf = rareness(having, len(papers))
    return Index(tuple(papers), words, pairs, titles, abstracts, idf, space or load_related_words())


def each(values: Floats, postings: Any) -> Floats:
    """The value of each row of some postings, once for each paper that is in the row."""
    return np.repeat(values, np.diff(postings.indptr))


def add_up(postings: Any, data: Floats, ends: Ints) -> Floats:
    """For each query the sum over its postings, queries x papers; `data` is the value of each posting.

    The postings of query n are the rows ends[n] to ends[n + 1]. A dense copy adds up what stands twice in a
    row: it is all of a product that is needed here, and takes half of the time.
    """
    shape = (len(ends) - 1, postings.shape[1])
    return np.asarray(sparse.csr_matrix((data, postings.indices, postings.indptr[ends]), shape).toarray())


def unit_rows(matrix: Any) -> Any:
    """The rows of a sparse matrix, each of length one; empty rows stay empty."""
    having, count = np.diff(matrix.indptr), matrix.shape[0]
    lengths = np.sqrt(np.bincount(np.repeat(np.arange(count), having), matrix.data**2, count))
    lengths[lengths == 0] = 1
    matrix.data /= np.repeat(lengths, having).astype(np.float32)
    return matrix


def _matrix(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Any:
    """How often each column occurs in each row."""
    return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)


def _renumber(counts: Any, columns: Ints, size: int) -> Any:
    """The counts under other column numbers; what has none is dropped."""
    entries = counts.tocoo()
    places = columns[entries.col]
    kept = places >= 0
    rows = (entries.data[kept], (entries.row[kept], places[kept]))
    return sparse.csr_matrix(rows, shape=(counts.shape[0], size))


def _proportional(counts: Any, terms: int, strength: float) -> Any:
    """Counts divided by how long the text is, next to the mean of its kind."""
    lengths = np.asarray(counts[:, :terms].sum(axis=1)).ravel()
    usual = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    scale = 1 / (1 - strength + strength * lengths / usual)
    result = counts.copy()
    result.data *= np.repeat(scale, np.diff(counts.indptr)).astype(np.float32)
    return result
