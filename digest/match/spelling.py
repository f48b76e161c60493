"""Spelling: how a paper writes the words and phrases of a topic. Pure; knows no topic.

A paper is one line of terms, so that a phrase is found by one search of a string, and the blanks before it
tell which words these are. Where they stand in the text is looked up for the few that are asked for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.match.text import IS_UNSPACED, full_text, plain
from digest.match.words import Words
from digest.models import Paper

#: What parts neighbouring words: where a clause or a bracket ends in between they are no phrase.
_PARTED = re.compile(r"[^\w\s/'’\u00ad\u2010-\u2013-]")

_JOINED = re.compile(r"(?:\w+-)+$")


@dataclass(frozen=True, eq=False, slots=True)
class Spelling:
    """The terms of a paper, stop words left out, and how it writes each."""

    text: str  # title and abstract
    words: Sequence[str]  # of each term the word as it is written
    line: str  # the terms, a blank before and behind each
    first: Mapping[str, int]  # where each term stands first among them

    def of(self, phrase: str) -> str:
        """How the paper first writes these terms, parted by blanks, as a phrase; empty where it does not."""
        more = phrase.count(" ")
        if not more:
            return self._written(self.first[phrase], self.first[phrase]) if phrase in self.first else ""
        place = self.line.find(wanted := f" {phrase} ")
        while place >= 0:
            first = self.line.count(" ", 0, place)
            if found := self._written(first, first + more):
                return found
            place = self.line.find(wanted, place + 1)
        return ""

    def _written(self, first: int, last: int) -> str:
        """From one word to another, with what hyphens join: `few-` in `few-shot`; empty if they part."""
        start, end = self.start(first), self.start(last) + len(self.words[last])
        if first != last and _PARTED.search(self.text, start, end):
            return ""
        if self.text[start - 1 : start] == "-":
            before = _JOINED.search(self.text, max(0, start - 200), start)
            start = before.start() if before else start
        return " ".join(self.text[start:end].split())

    def start(self, number: int) -> int:
        """Where a word begins: where its text stands alone for as many times as among the words till then."""
        word, place = self.words[number], -1
        for _ in range(1 + self.words[:number].count(word)):
            place = self.text.find(word, place + 1)
            while place >= 0 and self._is_part(word, place):
                place = self.text.find(word, place + 1)
        return place

    def _is_part(self, word: str, place: int) -> bool:
        """Do letters go on before or behind it? Pairs of a script without blanks overlap."""
        end = place + len(word)
        before, after = self.text[place - 1 : place], self.text[end : end + 1]
        if len(word) == 1 and word.isalpha() and self.text.startswith(("++", "#"), end):  # `C` in `C++`
            return True
        goes_on = before.isalnum() or (after.isalnum() and word[-1].isalnum())
        return goes_on and not any(map(IS_UNSPACED.match, (word, before, after)))


def read_spelling(words: Words, paper: Paper, number: int, papers: int) -> Spelling:
    """How a paper writes: `words` are those of the titles of so many `papers`, then of their abstracts."""
    (title, above), (abstract, below) = words.of(number), words.of(number + papers)
    terms = title + abstract
    first = dict(zip(reversed(terms), range(len(terms) - 1, -1, -1), strict=True))
    return Spelling(plain(full_text(paper)), above + below, f" {' '.join(terms)} ", first)
