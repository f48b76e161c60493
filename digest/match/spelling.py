"""Spelling: how a paper writes the words and phrases of a topic. Pure; knows no topic.

A paper is one line of signs, a sign for each term, in which phrases are found. Where words stand in the text
is looked up for the few that are asked for.
"""

import re
from dataclasses import dataclass

from digest.match.text import IS_SIGN, IS_UNSPACED, SIGNS, UNSPACED
from digest.match.words import Words

#: What parts neighbouring words: where a clause or a bracket ends in between they are no phrase.
_PARTED = re.compile(rf"[^\w\s{UNSPACED}{SIGNS}/'’\u00ad\u2010-\u2013-]")

FURTHEST = 200  # times that a paper says a word before; nobody looks for a phrase behind so many
TRIED = 10  # places where words stand beside each other, before they are taken to be no phrase in a paper

_JOINED = re.compile(rf"(?:[\w{UNSPACED}{SIGNS}]+-)+$")


@dataclass(frozen=True, eq=False, slots=True)
class Spelling:
    """The terms of a paper, stop words left out, and how it writes each."""

    text: str  # title and abstract
    line: str  # the signs of its terms; END, which is none, between title and abstract
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
        if self.written.count(self.written[first], 0, first) > FURTHEST:
            return ""
        start, end = self.place(first)
        if first != last:
            _, end = self.place(last, first + 1, start + 1)
            if _PARTED.search(self.text, start, end):
                return ""
        if self.text[start - 1 : start] == "-":
            before = _JOINED.search(self.text, max(0, start - 200), start)
            start = before.start() if before else start
        return " ".join(self.text[start:end].split())

    def place(self, number: int, since: int = 0, start: int = 0) -> tuple[int, int]:
        """Where a word begins and ends: its text stands alone as many times as among the words till then.

        Counted from the word `since`, which does not begin before `start`.
        """
        sign = self.written[number]
        word, place = self.words.spelling(sign), start - 1
        for _ in range(1 + self.written.count(sign, since, number)):
            place = self.text.find(word, place + 1)
            while place >= 0 and self._is_part(word, place):
                place = self.text.find(word, place + 1)
        return place, place + len(word)

    def _is_part(self, word: str, place: int) -> bool:
        """Do letters go on before or behind it? Pairs of a script without blanks overlap."""
        end = place + len(word)
        before, after = self.text[place - 1 : place], self.text[end : end + 1]
        if len(word) == 1 and word.isalpha() and self.text.startswith(("++", "#"), end):  # `C` in `C++`
            return True
        if before.isascii() and after.isascii() and word.isascii():
            return before.isalnum() or (after.isalnum() and word[-1].isalnum())
        if IS_UNSPACED.match(word):  # one character is a word only where it stands alone
            return len(word) == 1 and any(map(IS_UNSPACED.match, (before, after)))
        goes_on = any(sign.isalnum() or IS_SIGN.match(sign) for sign in (before, after))
        return goes_on and not any(map(IS_UNSPACED.match, (before, after)))
