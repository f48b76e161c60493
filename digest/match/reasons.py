"""Reasons: the phrases, words, keywords, authors and likes that earned a match. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from digest.match.acronyms import Phrase
from digest.match.index import Floats, Index
from digest.match.learn import learn
from digest.match.query import known_papers, read_text
from digest.match.rules import NO_RULES, Ruling, judge
from digest.match.spelling import Spelling
from digest.match.text import short, terms, topic_terms
from digest.models import Paper, Topic

MOST = 6  # reasons are read at a glance
LONGEST = 8  # words of a phrase; of a script without blanks, one character more
TITLE = 60  # characters of a liked paper's title

#: From here on likes are a reason of their own; in logits, of which 1 nearly triples the odds.
LIKED_FROM = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Teller:
    """Tells why papers match one topic, whatever its name."""

    own: Phrase  # the words of the topic
    forms: tuple[Phrase, ...]  # the same with acronyms spelled out or meanings contracted
    ruling: Ruling
    liked: tuple[Paper, ...]
    meanings: Floats  # of the liked papers
    told: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)  # by paper

    def because(self, index: Index, paper_id: str, parts: Mapping[str, float]) -> tuple[str, ...]:
        """The reasons for a paper, worked out once: author, keywords, category, liked paper, phrases, words.

        Phrases are spelt as the paper spells them, so that they can be found and marked there.
        """
        if paper_id not in self.told:
            number = index.numbers[paper_id]
            like = self._like(index, number) if self.liked and parts["likes"] >= LIKED_FROM else ""
            words = _shared(index, index.spelling(number), self.own, self.forms)
            self.told[paper_id] = _join(self.ruling, number, like, words)
        return self.told[paper_id]

    def _like(self, index: Index, number: int) -> str:
        """The liked paper of nearest meaning."""
        nearest = int((self.meanings @ index.meanings[number]).argmax())
        return f"you liked “{short(self.liked[nearest].title, TITLE)}”"


def make_teller(index: Index, topic: Topic, examples: Mapping[str, Paper]) -> Teller:
    """Read a topic for its reasons."""
    own = topic_terms(read_text(topic))
    liked = known_papers(topic.liked, examples)
    known = learn(index, liked) if liked else {}
    meanings = np.array([known[paper.id].meaning for paper in liked], np.float32)
    return Teller(own, tuple(index.acronyms.forms(own)), judge(index, topic), liked, meanings)


def _join(ruling: Ruling, number: int, like: str, words: list[str]) -> tuple[str, ...]:
    if ruling is NO_RULES:
        return (like, *words[: MOST - 1]) if like else tuple(words[:MOST])
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    keywords = ruling.keywords_in(number)
    told = _distinct([*keywords, *words])
    reasons.extend(one for one in keywords if one in told)
    reasons.extend(f"in {category}" for category in ruling.categories_of(number)[:1])
    if like:
        reasons.append(like)
    reasons.extend(one for one in words if one in told)
    return tuple(dict.fromkeys(reasons))[:MOST]


def _distinct(said: Sequence[str]) -> set[str]:
    """What is neither told twice nor part of a longer phrase, whatever the case and the endings."""
    lines = {f" {' '.join(terms(one)) or one} ": one for one in reversed(said)}
    return {one for line, one in lines.items() if not any(line in other != line for other in lines)}


def _shared(index: Index, spelling: Spelling, own: Phrase, forms: Sequence[Phrase]) -> list[str]:
    """What a paper holds of a topic, typed or in another form: no word twice, what tells most first."""
    if not forms:
        return _spelled(index, spelling, _pieces(spelling, [own]))
    # a single word of a spelled out acronym tells little: only where nothing else does
    telling = [
        one
        for one in _pieces(spelling, [own, *forms])
        if len(one) > 1 or one[0] in own or one[0] in index.acronyms.meanings
    ]
    return _spelled(index, spelling, telling) or _spelled(index, spelling, _pieces(spelling, forms))


def _pieces(spelling: Spelling, phrases: Sequence[Phrase]) -> list[Phrase]:
    """The words and runs of words of which the paper holds each, the longest first."""
    runs = [run for words in phrases for run in _runs(spelling, words)]
    longest = min(LONGEST, max(map(len, runs), default=0))
    return [
        run[first : first + length]
        for length in range(longest, 0, -1)
        for run in runs
        for first in range(len(run) - length + 1)
    ]


def _runs(spelling: Spelling, words: Phrase) -> list[Phrase]:
    """The words that the paper holds, parted where it lacks one."""
    runs, start = [], 0
    for end, word in enumerate((*words, "")):
        if word not in spelling.first:
            runs += [words[start:end]] if end > start else []
            start = end + 1
    return runs


def _spelled(index: Index, spelling: Spelling, pieces: Sequence[Phrase]) -> list[str]:
    """The pieces that stand in the paper as phrases, the longest before others with the same words."""
    used: set[str] = set()
    found: list[tuple[float, str]] = []
    for piece in pieces:
        if used.isdisjoint(piece) and (spelled := spelling.of(" ".join(piece))):
            used.update(piece)
            found.append((-sum(map(index.rarity_of, piece)), spelled))
    return [spelled for _, spelled in sorted(found)]
