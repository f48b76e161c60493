"""Spelling: how a paper writes the words and phrases of a topic. Pure; knows no topic.

A paper is one line of terms, so that a phrase is found by one search of a string, and the place in the
line tells the place in the text.
"""

import re
from array import array
from dataclasses import dataclass
from itertools import compress

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
    starts: "array[int]"  # of each term in the text
    ends: "array[int]"

    def of(self, phrase: str) -> str:
        """How the paper first writes these terms, parted by blanks, as a phrase; empty where it does not."""
        wanted, more = f" {phrase} ", phrase.count(" ")
        place = self.line.find(wanted)
        while place >= 0:
            first = self.line.count(" ", 0, place)
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
    spans = places(text)
    found = [term(text[start:end]) for start, end in spans]
    kept = [*compress(spans, found)]
    starts, ends = array("L", [start for start, _ in kept]), array("L", [end for _, end in kept])
    return Spelling(text, f" {' '.join(filter(None, found))} ", starts, ends)
