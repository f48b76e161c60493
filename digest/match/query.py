"""Topics as queries: their words with their weights in one index, a block of topics at a time. Pure.

Topics that differ in case, blanks or compatibility forms ask the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from digest.match.background import load_background
from digest.match.index import PAIR_WEIGHT, Floats, Index
from digest.match.text import normal, surfaces, term, topic_terms
from digest.match.words import Ints
from digest.models import Paper, Topic

AND_TOLL = 1.5  # what it costs, in logits, to be about one of two things between which a topic says `and`
FORM_TOLL = 0.5  # what a topic loses, in logits, that is said in other words than typed
MOST_INTERESTS = 8  # that one topic may name to be asked for one by one
MOST_WORDS = 400  # of a topic are read; more would only blur it
FULL = 2.2  # BM25 weight, in rarities, of a word that a paper says often
COVER_SHARE = 0.5  # what it adds that a paper holds every word of the topic, however seldom
RAREST = 3  # words that tell what a topic is about
COMMON = 3.5  # rarity below which commoner words are no worse a sign: more papers are about them, too

#: What stands between interests that a topic lists, and words that make a sentence of it, which has clauses.
_BETWEEN = re.compile(r"\s*;\s*|\s[|/]\s")
_AND = re.compile(r",?\s+and\s+")
_CLAUSES = re.compile(r"\b(?:especially|ideally|no|not|particularly|preferably|without)\b")
#: What a reader does not want, said in the topic: its words would bring it.
_UNWANTED = re.compile(
    r"(?:[,;(]\s*|\b(?:and|but)\s+)+not\b(?!\s+(?:just|limited|only))[^,;.]*|\bnot\s+(?:about|on)\b[^,;.]*"
    r"|\b(?:except|excluding)\b[^,;.]*"
)


@dataclass(frozen=True, eq=False, slots=True)
class Queries:
    """What a block of topics asks of one index; the entries of all topics stand one after another.

    Behind the topics stand other forms of some of them, each a query of its own: a paper may say either.
    """

    topics: tuple[Topic, ...]
    owners: tuple[int, ...]  # of the rows behind the topics: whose form each is
    tolls: Floats  # and what it costs, in logits, that it is not the words as typed
    texts: tuple[str, ...]  # what is compared by meaning; empty without a word
    ends: Ints  # the entries of topic n are ends[n] to ends[n + 1]
    columns: Ints  # of each entry: terms, then pairs, that occur in the index
    weights: Floats  # of each entry: a paper with every word often comes to about 1, less beside likes
    covers: Floats  # of each entry: what it adds that it occurs at all; together COVER_SHARE
    rarity: Floats  # of each topic: mean of its RAREST words in the literature, at least COMMON
    lengths: Floats  # ln of how many telling words there are to each of the RAREST; negative: fewer
    liked: tuple[tuple[Paper, ...], ...]  # of the topics; their other forms have the same
    disliked: tuple[tuple[Paper, ...], ...]
    likes_share: Floats  # of each query: how much its liked papers weigh against its words

    def __len__(self) -> int:
        """How many topics and other forms there are."""
        return len(self.texts)


@dataclass(frozen=True, eq=False, slots=True)
class _Asked:
    """The distinct words of each topic, one after another."""

    rows: Ints  # the topic
    terms: Ints  # -1: the index lacks it
    rarity: npt.NDArray[np.float64]  # in the literature
    here: npt.NDArray[np.float64]  # in this batch


def likes_weight(count: int) -> float:
    """How much `count` examples weigh: n / (n + 2)."""
    return count / (count + 2)


def make_queries(index: Index, topics: Sequence[Topic], examples: Mapping[str, Paper]) -> Queries:
    """Look the words of topics up in the index."""
    own = [*map(read_text, topics)]
    forms = [form for row, text in enumerate(own) for form in _forms(index, row, text)]
    owners = [form.row for form in forms]
    texts = [*own, *(form.text for form in forms)]
    said = [*map(topic_terms, own), *(form.words for form in forms)]
    words = [list(dict.fromkeys(one))[:MOST_WORDS] for one in said]
    asked = _look_up(index, words)
    liked = tuple(_heard(index, known_papers(topic.liked, examples)) for topic in topics)
    share = np.array([likes_weight(len(papers)) for papers in liked])
    share = np.concatenate([share, share[owners]])
    rows, columns = _entries(index, [_kept(one, own) for one, own in zip(said, words, strict=True)])
    weights, covers = _weights(index, asked, rows, columns, 1 - share)
    sort = np.lexsort((-asked.rarity, asked.rows))
    return Queries(
        topics=tuple(topics),
        owners=tuple(owners),
        tolls=np.array([form.toll for form in forms], np.float32),
        texts=tuple(text if some else "" for text, some in zip(texts, words, strict=True)),
        ends=_ends(rows, len(texts)),
        columns=columns,
        weights=weights,
        covers=covers,
        rarity=_mean_of_rarest(asked.rows[sort], asked.rarity[sort], len(texts)),
        lengths=_lengths(asked, len(texts)),
        liked=liked,
        disliked=tuple(known_papers(topic.disliked, examples) for topic in topics),
        likes_share=np.where([bool(some) for some in words], share, 1.0).astype(np.float32),
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """Another way to ask what a topic asks."""

    row: int  # of the topic
    text: str
    words: tuple[str, ...]
    toll: float


def _forms(index: Index, row: int, text: str) -> Iterator[_Form]:
    """A topic with acronyms spelled out or meanings contracted; its interests, as typed and likewise."""
    for one, toll in {text: 0.0, **interests(text)}.items():
        words = topic_terms(one)
        if one != text:
            yield _Form(row, one, words, toll)
        for said in index.acronyms.forms(words):
            yield _Form(row, one, said, toll + FORM_TOLL)


def interests(text: str) -> Mapping[str, float]:
    """What a reader names in one topic, each to be found alone, with what that costs in logits; often empty.

    `protein folding; RNA` lists two; `graph transformers and drug design` may mean either, or both at once.
    """
    if _CLAUSES.search(text):
        return {}
    listed = [one for one in _BETWEEN.split(text) if topic_terms(one)]
    found, toll = (listed, 0.0) if len(listed) > 1 else (_halves(text), AND_TOLL)
    return dict.fromkeys(found, toll) if 1 < len(found) <= MOST_INTERESTS else {}


def _halves(text: str) -> list[str]:
    """What stands before and behind `and`; a single word is half of a pair: `search and rescue robots`."""
    found: list[str] = []
    for one in _AND.split(text):
        if found and min(map(len, map(topic_terms, (found[-1], one)))) < 2:
            found[-1] = f"{found[-1]} and {one}"
        else:
            found.append(one)
    return found


def read_text(topic: Topic) -> str:
    """What is read of a topic: the same however it is typed; of one without words, its keywords.

    Of `language models, but not for chemistry` the second half is left out.
    """
    text = wanted(normal(topic.text))
    return text if not topic.keywords or topic_terms(text) else normal(" ".join(topic.keywords))


def wanted(text: str) -> str:
    """The text without what it says is not wanted; all of it if nothing else remains."""
    left = _UNWANTED.sub("", text).strip(" ,;(") if "not " in text or " exc" in text else text
    return left if topic_terms(left) else text


def wordings(topic: Topic) -> Sequence[str]:
    """The texts of a topic of which the meaning is asked: the whole, and the interests that it lists."""
    text = read_text(topic)
    return text, *interests(text)


def known_papers(ids: Sequence[str], examples: Mapping[str, Paper]) -> tuple[Paper, ...]:
    """Of liked or disliked papers those that are known, each once."""
    return tuple({examples[one].id: examples[one] for one in ids if one in examples}.values()) if ids else ()


def _heard(index: Index, liked: tuple[Paper, ...]) -> tuple[Paper, ...]:
    """The liked papers of which the index holds a word: others would only take weight from the topic."""
    return tuple([paper for paper in liked if _is_heard(index, paper)]) if liked else ()


def _is_heard(index: Index, paper: Paper) -> bool:
    if known := index.known.get(paper.id):
        return len(known.columns) > 0
    words = (word for text in (paper.title, paper.abstract) for word in surfaces(text))
    return any(term(word) in index.vocabulary for word in words)


def _kept(said: Sequence[str], words: Sequence[str]) -> Sequence[str]:
    """The words as they follow each other, without those beyond the MOST_WORDS."""
    if len(words) < MOST_WORDS:
        return said
    kept = set(words)
    return [word for word in said if word in kept]


def _look_up(index: Index, words: Sequence[Sequence[str]]) -> _Asked:
    """Find each word in the index, and how rare it is."""
    flat = [*chain.from_iterable(words)]
    found = _numbers(index.vocabulary, flat)
    rarity, here = np.empty(len(flat)), np.full(len(flat), index.rarest)
    known, lacking = found >= 0, np.flatnonzero(found < 0)
    rarity[known], here[known] = index.rarity[found[known]], index.idf[found[known]]
    rarity[lacking] = [load_background().rarity_of(flat[place]) for place in lacking.tolist()]
    return _Asked(np.repeat(np.arange(len(words)), [len(row) for row in words]), found, rarity, here)


def _numbers(vocabulary: Mapping[str, int], words: Sequence[str]) -> Ints:
    """The number of each word; -1 for one that is not there."""
    return np.fromiter(map(vocabulary.get, words, repeat(-1)), np.int64, len(words))


def _entries(index: Index, said: Sequence[Sequence[str]]) -> tuple[Ints, Ints]:
    """The topic and the column of each term and each neighbouring pair that occurs, each once."""
    rows = np.repeat(np.arange(len(said)), [len(row) for row in said])
    found = _numbers(index.vocabulary, [*chain.from_iterable(said)])
    pairs = np.where(rows[1:] == rows[:-1], index.places(found[:-1], found[1:]), -1)
    columns, topics = np.concatenate([found, pairs]), np.concatenate([rows, rows[:-1]])
    kept = columns >= 0
    size = max(index.size, 1)
    return np.divmod(np.unique(topics[kept] * size + columns[kept]), size)


def _weights(
    index: Index, asked: _Asked, rows: Ints, columns: Ints, heard: npt.NDArray[np.float64]
) -> tuple[Floats, Floats]:
    """The weight and the cover of each entry; `heard` is what words weigh beside the likes."""
    single = columns < len(index.vocabulary)
    possible = np.bincount(asked.rows, asked.here, len(heard))[rows]
    rarities = np.bincount(asked.rows, asked.rarity, len(heard))[rows]
    weights = np.where(single, 1.0, PAIR_WEIGHT) * (heard[rows] / (FULL * possible))
    covers = np.zeros(len(rows))
    covers[single] = index.rarity[columns[single]] * (heard[rows] * COVER_SHARE / rarities)[single]
    return weights.astype(np.float32), covers.astype(np.float32)


def _mean_of_rarest(rows: Ints, rarity: npt.NDArray[np.float64], count: int) -> Floats:
    """The mean rarity of the RAREST words of each topic; the words stand in this order."""
    first = np.arange(len(rows)) - np.searchsorted(rows, rows) < RAREST
    sums = np.bincount(rows[first], rarity[first], count)
    return np.maximum(COMMON, sums / np.maximum(np.bincount(rows[first], minlength=count), 1)).astype(
        np.float32
    )


def _lengths(asked: _Asked, count: int) -> Floats:
    """How long each topic is next to the RAREST; words count by their rarity, so common ones hardly do."""
    sums = np.bincount(asked.rows, asked.rarity, count)
    squares = np.bincount(asked.rows, asked.rarity**2, count)
    telling = sums * sums / np.maximum(squares, 1e-9)
    return np.log(np.maximum(telling, 1.0) / RAREST).astype(np.float32)


def _ends(rows: Ints, count: int) -> Ints:
    """Where the entries of each topic begin, and where the last one ends; `rows` is sorted."""
    return np.searchsorted(rows, np.arange(count + 1))
