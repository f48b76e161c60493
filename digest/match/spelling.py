"""Spelling: how a paper writes the words and phrases of a topic. Pure; knows no topic.

A paper is one line of terms, so that a phrase is found by one search of a string, and the place in the
line tells the place in the text.
"""

import re
from array import array
from bisect import bisect_left
from dataclasses import dataclass

from digest.match.text import full_text, places, plain, term
from digest.models import Paper

#: What parts neighbouring words: where a clause or a bracket ends in between they are no phrase.
_PARTED = re.compile(r"[^\w\s/'’\u00ad\u2010-\u2013-]")

_JOINED = re.compile(r"(?:\w+-)+$")


@dataclass(frozen=True, eq=False, slots=True)
class Spelling:
    """The terms of a paper, stop words left out, and where each stands in its text."""

    text: str  # title and abstract
    line: str  # the terms, a blank before and behind each
    places: "array[int]"  # of each term in the line
    starts: "array[int]"  # of each term in the text
    ends: "array[int]"

    def of(self, phrase: str) -> str:
        """How the paper first writes these terms, parted by blanks, as a phrase; empty where it does not."""
        wanted, more = f" {phrase} ", phrase.count(" ")
        place = self.line.find(wanted)
        while place >= 0:
            first = bisect_left(self.places, place)
            found = self.text[self.starts[first] : self.ends[first + more]]
            if not more or not _PARTED.search(found):
                return " ".join(f"{self._joined(self.starts[first])}{found}".split())
            place = self.line.find(wanted, place + 1)
        return ""

    def _joined(self, start: int) -> str:
        """What hyphens join to the word at `start`: `few-` in `few-shot`."""
        if self.text[start - 1 : start] != "-":
            return ""
        before = _JOINED.search(self.text, max(0, start - 200), start)
        return before[0] if before else ""


def read_spelling(paper: Paper) -> Spelling:
    """Read title and abstract of a paper."""
    text = plain(full_text(paper))
    found = [(one, start, end) for start, end in places(text) if (one := term(text[start:end]))]
    line, marks = " ", array("L")
    for one, _, _ in found:
        marks.append(len(line) - 1)
        line += f"{one} "
    starts, ends = array("L", [row[1] for row in found]), array("L", [row[2] for row in found])
    return Spelling(text, line, marks, starts, ends)
