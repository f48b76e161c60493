"""Acronyms and what they stand for, learned from papers that say both: `large language model (LLM)`. Pure.

A definition is found as Schwartz and Hearst do (A Simple Algorithm for Identifying Abbreviation Definitions
in Biomedical Text, 2003), but initials go before letters inside of words. A meaning counts only where nearly
all definitions of the acronym agree: `CL` has too many, and `TAG` is a word in other papers.

One table in the package, made by `tests/benchmarks/acronyms.py` from the papers that the background is made
of; the papers of the day add theirs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from digest.match.text import plain, term, terms

TABLE = "acronyms.txt"
AGREED = 0.8  # share of an acronym's definitions, and of its uses as a word, that its meaning must have
FEWEST = 2  # papers that give this meaning
REACH = 100  # characters before a bracket in which a meaning is looked for

_DEFINED = re.compile(r"\(([A-Za-z][\w-]{1,9})\)")
_WORD = re.compile(r"\w+")

Phrase = tuple[str, ...]
Counts = Mapping[tuple[str, Phrase], int]  # papers that define an acronym so


@dataclass(frozen=True, slots=True)
class Acronyms:
    """What acronyms stand for, and the other way round; all as terms."""

    meanings: Mapping[str, Phrase]
    short: Mapping[Phrase, str]
    lengths: Mapping[str, Sequence[int]]  # of the meanings that begin with a term, the longest first

    def forms(self, words: Phrase) -> Iterator[Phrase]:
        """The other ways to say the words: with acronyms spelled out, with meanings contracted."""
        spelled_out = words
        if not self.meanings.keys().isdisjoint(words):
            spelled_out = tuple(one for word in words for one in self.meanings.get(word, (word,)))
            yield spelled_out
        contracted = self._contracted(spelled_out)
        if contracted not in (words, spelled_out):
            yield contracted

    def _contracted(self, words: Phrase) -> Phrase:
        """The words with meanings made acronyms, of those that begin with one word the longest."""
        begun = [place for place, word in enumerate(words) if word in self.lengths]
        lengths = {place: length for place in begun if (length := self._at(words, place))}
        if not lengths:
            return words
        found, place = list[str](), 0
        while place < len(words):
            length = lengths.get(place, 0)
            found.append(self.short[words[place : place + length]] if length else words[place])
            place += length or 1
        return tuple(found)

    def _at(self, words: Phrase, place: int) -> int:
        """How many words the meaning has that begins at a place; 0: there is none."""
        for length in self.lengths[words[place]]:
            if words[place : place + length] in self.short:
                return length
        return 0


def learn_acronyms(texts: Iterable[str]) -> Acronyms:
    """The acronyms of the package's table and of these texts."""
    counts, uses = load_definitions()
    found = Counter(one for text in texts for one in definitions(text))
    return choose(found + Counter(counts), uses + Counter(acronym for acronym, _ in found.elements()))


def choose(counts: Counts, uses: Mapping[str, int]) -> Acronyms:
    """The acronyms of which one meaning is agreed on; `uses` counts all definitions, and other uses."""
    agreed = {
        acronym: meaning
        for (acronym, meaning), count in counts.items()
        if count >= max(FEWEST, AGREED * uses[acronym])
    }
    by_count = sorted((counts[one], one) for one in agreed.items())
    lengths: dict[str, set[int]] = {}
    for meaning in agreed.values():
        lengths.setdefault(meaning[0], set()).add(len(meaning))
    return Acronyms(
        agreed,
        {meaning: acronym for _, (acronym, meaning) in by_count},
        {first: sorted(found, reverse=True) for first, found in lengths.items()},
    )


@lru_cache(maxsize=1)
def load_definitions() -> tuple[Counts, Counter[str]]:
    """Read the table of the package, once: papers by definition, and uses by acronym."""
    content = files("digest.match").joinpath(TABLE).read_text(encoding="ascii")
    rows = [line.split("\t") for line in content.splitlines()]
    counts = {(acronym, tuple(meaning.split())): int(count) for acronym, _, meaning, count in rows}
    return counts, Counter({acronym: int(uses) for acronym, uses, _, _ in rows})


def definitions(text: str) -> set[tuple[str, Phrase]]:
    """The acronyms that a text defines, with their meanings."""
    if "(" not in text:
        return set()
    text = plain(text)
    found = (
        (one[1].removesuffix("s"), text[max(0, one.start() - REACH) : one.start()])
        for one in _DEFINED.finditer(text)
    )
    read = ((term(one), tuple(terms(_meaning(one, before)))) for one, before in found if is_acronym(one))
    return {(acronym, meaning) for acronym, meaning in read if acronym and len(meaning) > 1}


def is_acronym(word: str) -> bool:
    """Is it written with more than one capital?"""
    return sum(map(str.isupper, word)) > 1


def _meaning(acronym: str, before: str) -> str:
    """The end of `before` that the acronym stands for; empty where there is none."""
    letters, text = [one for one in acronym.casefold() if one.isalnum()], before.casefold().rstrip()
    starts = [(word.start(), word[0]) for word in _WORD.finditer(text)]
    start = _by_initials(letters, text, starts)
    if start < 0:
        start = _by_letters(letters, text)
    meaning = text[start:] if start >= 0 else ""
    few = len(meaning.split()) <= min(len(letters) + 5, 2 * len(letters))
    return meaning if few and not re.search(r"[.;:,()]", meaning) else ""


def _by_initials(letters: Sequence[str], text: str, starts: Sequence[tuple[int, str]]) -> int:
    """Where the meaning starts if the letters begin its words, but for stop words; else -1."""
    words = [start for start, word in starts if term(word)][-len(letters) :]
    return words[0] if [text[start] for start in words] == list(letters) else -1


def _by_letters(letters: Sequence[str], text: str) -> int:
    """Where the meaning starts if its words hold the letters in order, the first at a start; else -1."""
    place = len(text)
    for letter in reversed(letters[1:]):
        place = text.rfind(letter, 0, max(place, 0))
    while (place := text.rfind(letters[0], 0, max(place, 0))) > 0 and text[place - 1].isalnum():
        pass
    return text.rfind(" ", 0, place) + 1 if place >= 0 else -1
