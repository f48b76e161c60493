"""Reasons: the phrases, words, keywords, authors and likes that earned a match. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from digest.match.index import Floats, Index
from digest.match.learn import learn
from digest.match.query import MOST_WORDS, interests, known_papers, read_text
from digest.match.rules import NO_RULES, Ruling, judge
from digest.match.spelling import Spelling
from digest.match.text import short, terms, topic_terms
from digest.match.words import END
from digest.models import Paper, Parts, Topic

MOST = 6  # reasons are read at a glance
FEW, PIECES = 12, 1 << 12  # signs of a line of which the pieces are kept, and such lines: 26 MB at most
LONGEST = 8  # words of a phrase; of a script without blanks, one character more
TITLE = 60  # characters of a liked paper's title

#: From here on likes are a reason of their own; in logits, of which 1 nearly triples the odds.
LIKED_FROM = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Teller:
    """Tells why papers match one topic, whatever its name."""

    phrases: str  # the words of the topic, or of its interests, and of other forms, as signs between ENDs
    telling: str  # of these words those that tell something alone
    ruling: Ruling
    liked: tuple[Paper, ...]
    meanings: Floats  # of the liked papers
    #: By paper, and whether it is like the liked ones.
    told: dict[tuple[str, bool], tuple[str, ...]] = field(default_factory=dict, repr=False)

    def because(self, index: Index, paper_id: str, parts: Parts | None) -> tuple[str, ...]:
        """The reasons for a paper, worked out once: author, keywords, category, liked paper, phrases, words.

        Phrases are spelt as the paper spells them, so that they can be found and marked there.
        """
        is_liked = bool(self.liked and parts and parts.likes >= LIKED_FROM)
        told = self.told.get((paper_id, is_liked))
        if told is None:
            number = index.numbers[paper_id]
            like = self._like(index, number) if is_liked else ""
            told = _join(self.ruling, number, like, self._shared(index, index.spelling(number)))
            self.told[paper_id, is_liked] = told
        return told

    def _shared(self, index: Index, spelling: Spelling) -> list[str]:
        """What a paper holds of the topic, typed or in another form: no word twice, what tells most first."""
        said = _spelled(index, spelling, self.phrases, self.telling)
        if said or self.telling == self.phrases:
            return said
        return _spelled(index, spelling, self.phrases, self.phrases)

    def _like(self, index: Index, number: int) -> str:
        """The liked paper of nearest meaning."""
        nearest = int((self.meanings @ index.meanings[number]).argmax())
        return f"you liked “{short(self.liked[nearest].title, TITLE)}”"


def make_teller(index: Index, topic: Topic, examples: Mapping[str, Paper]) -> Teller:
    """Read a topic for its reasons."""
    text, signs = read_text(topic), index.words.signs
    listed = [one for one, toll in interests(text).items() if not toll]
    own = [topic_terms(one)[:MOST_WORDS] for one in listed or [text]]
    liked = known_papers(topic.liked, examples)
    known = learn(index, liked) if liked else {}
    meanings = np.array([known[paper.id].meaning for paper in liked], np.float32)
    forms = [form for words in own for form in index.acronyms.forms(words)]
    phrases = END.join(map(signs, (*own, *forms)))
    # a word of a spelled out acronym or of one interest of several tells little: only where nothing else does
    whole = [one for words in own for one in words if len(own) == 1 or len(words) == 1]
    telling = signs([*whole, *(one for form in forms for one in form if one in index.acronyms.meanings)])
    return Teller(phrases, telling, judge(index, topic), liked, meanings)


def _join(ruling: Ruling, number: int, like: str, words: list[str]) -> tuple[str, ...]:
    if ruling is NO_RULES:
        return (like, *words[: MOST - 1]) if like else tuple(words[:MOST])
    reasons: list[str] = []
    if number in ruling.certain:
        reasons.append(f"author {ruling.certain[number]}")
    keywords = ruling.keywords_in(number)
    if keywords:
        told = _distinct([*keywords, *words])
        keywords, words = ([one for one in said if one in told] for said in (keywords, words))
    reasons.extend(keywords)
    reasons.extend(f"in {category}" for category in ruling.categories_of(number)[:1])
    if like:
        reasons.append(like)
    reasons.extend(words)
    return tuple(dict.fromkeys(reasons))[:MOST]


def _distinct(said: Sequence[str]) -> set[str]:
    """What is neither told twice nor part of a longer phrase, whatever the case and the endings."""
    lines = {f" {' '.join(terms(one)) or one} ": one for one in reversed(said)}
    return {one for line, one in lines.items() if not any(line in other != line for other in lines)}


def _spelled(index: Index, spelling: Spelling, phrases: str, single: str) -> list[str]:
    """The pieces of phrases that stand in the paper as phrases, and those `single` words that do.

    The longest go before others with the same words; told is first what is rarest.
    """
    line = spelling.line
    held = "".join([one if one in line else END for one in phrases])
    left, found = {*held} - {END}, dict[str, str]()
    for piece in _pieces(held):
        if not left:
            break
        if (len(piece) > 1 or piece in single) and left.issuperset(piece) and (spelled := spelling.of(piece)):
            left.difference_update(piece)
            found[piece] = spelled
    if len(found) < 2:
        return [*found.values()]
    return [spelled for _, spelled in sorted((-index.rarity_of(one), said) for one, said in found.items())]


def _pieces(held: str) -> Sequence[str]:
    """What can be cut out of the runs of words between ENDs, the longest first, each once."""
    return _known_pieces(held) if len(held) <= FEW else _known_pieces.__wrapped__(held)


@lru_cache(maxsize=PIECES)
def _known_pieces(held: str) -> Sequence[str]:
    """Kept, for many papers hold the same of a topic."""
    return tuple(dict.fromkeys(_cut_out(held.split(END))))


def _cut_out(runs: Sequence[str]) -> Iterator[str]:
    for length in range(min(LONGEST, max(map(len, runs))), 0, -1):
        for run in runs:
            for first in range(len(run) - length + 1):
                yield run[first : first + length]
