"""Spelling: how a paper writes the words and phrases of a topic. Pure; knows no topic.

A paper is one line of signs, a sign for each term, in which phrases are found. Where words stand in the text
is looked up for the few that are asked for.
"""

import re
from dataclasses import dataclass

from digest.match.text import IS_UNSPACED
from digest.match.words import END, Words

#: What parts neighbouring words: where a clause or a bracket ends in between they are no phrase.
_PARTED = re.compile(r"[^\w\s/'’\u00ad\u2010-\u2013-]")

TRIED = 10  # places where words stand beside each other, before they are taken to be no phrase in a paper

_JOINED = re.compile(r"(?:\w+-)+$")


@dataclass(frozen=True, eq=False, slots=True)
class Spelling:
    """The terms of a paper, stop words left out, and how it writes each."""

    text: str  # title and abstract
    line: str  # the signs of its terms, END between title and abstract
    written: str  # the signs of their spellings
    words: Words

    def of(self, phrase: str) -> str:
        """How the paper first writes these terms, given as signs, as a phrase; empty where it does not."""
        place, left = self.line.find(phrase), TRIED
        while place >= 0 and left:
            if found := self._written(place, place + len(phrase) - 1):
                return found
            place, left = self.line.find(phrase, place + 1), left - 1
        return ""

    def _written(self, first: int, last: int) -> str:
        """From one word to another, with what hyphens join: `few-` in `few-shot`; empty if they part."""
        start = self.start(first)
        end = (start if first == last else self.start(last)) + len(self._word(last))
        if first != last and _PARTED.search(self.text, start, end):
            return ""
        if self.text[start - 1 : start] == "-":
            before = _JOINED.search(self.text, max(0, start - 200), start)
            start = before.start() if before else start
        return " ".join(self.text[start:end].split())

    def start(self, number: int) -> int:
        """Where a word begins: where its text stands alone for as many times as among the words till then."""
        word, place = self._word(number), -1
        for _ in range(1 + self.written.count(self.written[number], 0, number)):
            place = self.text.find(word, place + 1)
            while place >= 0 and self._is_part(word, place):
                place = self.text.find(word, place + 1)
        return place

    def _word(self, number: int) -> str:
        return self.words.spelling(self.written[number])

    def _is_part(self, word: str, place: int) -> bool:
        """Do letters go on before or behind it? Pairs of a script without blanks overlap."""
        end = place + len(word)
        before, after = self.text[place - 1 : place], self.text[end : end + 1]
        if len(word) == 1 and word.isalpha() and self.text.startswith(("++", "#"), end):  # `C` in `C++`
            return True
        goes_on = before.isalnum() or (after.isalnum() and word[-1].isalnum())
        return goes_on and not any(map(IS_UNSPACED.match, (word, before, after)))


def read_spelling(words: Words, text: str, number: int, papers: int) -> Spelling:
    """How a paper writes its text: `words` are those of the titles of so many `papers`, then abstracts."""
    lines = zip(words.line(number), words.line(number + papers), strict=True)
    line, written = (f"{title}{END}{abstract}" for title, abstract in lines)
    return Spelling(text, line, written, words)
