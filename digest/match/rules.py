"""The reader's explicit rules: keywords, exclude, authors, categories. Pure; knows no scores.

A keyword is found at word boundaries, whatever its case, accents, hyphens and plural: `RAG` is not in
`storage`, `diffusion model` is in `Diffusion-models`, `C++` and `O(n)` are taken literally.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from digest.match.index import Index
from digest.match.names import Name, can_be_one, readings
from digest.match.register import Mask, Register
from digest.match.text import IS_SIGN, IS_UNSPACED, STOP_WORDS, fold, plain
from digest.models import Topic

_GAP = re.compile(r"[\s\-\u2010-\u2015_/]+")
_SIGN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, eq=False, slots=True)
class Ruling:
    """What the rules say of a topic: who may not be shown, who must, and the reasons."""

    barred: Mask
    certain: Mapping[int, str]  # papers of the topic's authors, with the author as typed
    holders: Mapping[str, Mask]  # the papers that hold each keyword
    excluded: Mapping[str, Mask]  # those that hold each excluded word
    filed: Mapping[str, Mask]  # those of each category

    def keywords_in(self, number: int) -> list[str]:
        """The keywords that a paper holds."""
        return [keyword for keyword, holding in self.holders.items() if holding[number]]

    def categories_of(self, number: int) -> list[str]:
        """Those of the topic's categories that a paper is filed under."""
        return [category for category, filed in self.filed.items() if filed[number]]

    def losses(self, matching: Mask) -> Iterator[tuple[str, int]]:
        """Which rules keep some of these papers out, in words, and how many each."""
        lost = matching.copy()
        lost[[*self.certain]] = False
        for word, holding in self.excluded.items():
            yield f"with the excluded “{word}”", int((lost & holding).sum())
        if self.holders:
            held = _either(self.holders)
            none = "" if held.any() else ", which no paper holds"
            yield f"without any of the keywords{none}", int((lost & ~held).sum())
        if self.filed:
            filed = _either(self.filed)
            none = "" if filed.any() else ", where no paper is filed"
            yield f"outside {', '.join(self.filed)}{none}", int((lost & ~filed).sum())


NO_RULES = Ruling(np.zeros(0, bool), {}, {}, {}, {})


def judge(index: Index, topic: Topic) -> Ruling:
    """Apply the rules of `topic` to every paper of the index; the same rules are applied once."""
    rules = (topic.keywords, topic.exclude, topic.authors, topic.categories)
    if not any(rules):
        return NO_RULES
    found = index.register.rulings.get(rules)
    if found is None:
        found = _judge(index.register, topic)
        index.register.rulings.keep(rules, found)
    return found


def _judge(register: Register, topic: Topic) -> Ruling:
    holders = {keyword: _holding(register, keyword) for keyword in topic.keywords}
    excluded = {word: _holding(register, word) for word in topic.exclude}
    filed = {one: register.filed.get(one.casefold(), register.none()) for one in topic.categories}
    barred = _either(excluded) if excluded else register.none()
    for rule in filter(None, (holders, filed)):
        barred |= ~_either(rule)
    return Ruling(barred, _written_by(register, topic.authors), holders, excluded, filed)


def _either(masks: Mapping[str, Mask]) -> Mask:
    """The papers that are in one of the masks."""
    found: Mask = np.any([*masks.values()], axis=0)
    return found


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword as it is looked for in folded text: word by word, for a pattern takes long to be read."""

    before: tuple[str, ...]  # the words before the last one
    last: str  # what singular and plural of the last word share
    endings: tuple[str, ...]  # and their endings, the longest first
    opens: bool = False  # no letter may stand before it
    closes: bool = False  # nor behind it,
    barred: str = ""  # nor one of these signs
    forms: frozenset[str] = frozenset()  # of one plain word: what it is found as; empty for other keywords

    def occurs(self, folded: str) -> bool:
        """Does the text hold it?"""
        start = self.before[0] if self.before else self.last
        place = folded.find(start) if start else -1
        while place >= 0:
            end = self._end(folded, place)
            if end and self._stands_alone(folded[place - 1 : place], folded[end : end + 1]):
                return True
            place = folded.find(start, place + 1)
        return False

    def _end(self, folded: str, place: int) -> int:
        """Where the keyword that begins at a place ends; 0 if there is another."""
        for word in self.before:
            gap = _GAP.match(folded, place + len(word)) if folded.startswith(word, place) else None
            if not gap:
                return 0
            place = gap.end()
        if not folded.startswith(self.last, place):
            return 0
        place += len(self.last)
        return next((place + len(one) for one in self.endings if folded.startswith(one, place)), 0)

    def _stands_alone(self, before: str, after: str) -> bool:
        """Is neither neighbour part of the same word?"""
        if self.opens and _is_letter(before):
            return False
        return not (self.closes and (_is_letter(after) or (after and after in self.barred)))


def _is_letter(sign: str) -> bool:
    """Words of other scripts end beside those of a script without blanks. A pattern of this took 2 ms."""
    if sign.isascii():
        return sign.isalnum() or sign == "_"
    return bool(sign.isalnum() or IS_SIGN.match(sign)) and not IS_UNSPACED.match(sign)


def holds(text: str, keyword: str) -> bool:
    """Does `text`, any text, hold the keyword?"""
    return read_keyword(keyword).occurs(fold(plain(text)))


@lru_cache(maxsize=4096)
def read_keyword(keyword: str) -> Keyword:
    """Read a keyword as typed; one without letters and signs occurs nowhere."""
    bare = plain(keyword).strip()
    chunks = [chunk for chunk in _GAP.split(fold(bare)) if chunk]
    if not chunks:
        return Keyword((), "", ())
    *first, last = chunks
    singular, endings = _plural(last, shouted=_GAP.split(bare)[-1].isupper())
    is_word = not first and len(last) > 1 and last.isascii() and _is_plain(last)
    return Keyword(
        before=tuple(first),
        last=singular,
        endings=tuple(sorted(endings, key=len, reverse=True)),
        opens=_is_letter(chunks[0][0]),
        closes=_is_letter(last[-1]),
        barred="+#" if len(last) == 1 else "",  # `C` alone is neither `C++` nor `C#`
        forms=frozenset(singular + ending for ending in endings) if is_word else frozenset[str](),
    )


#: Words with an s of their own: `news` are not many `new`, nor is `lens` a plural.
_WHOLE = frozenset(
    """aids always atlas bias canvas chaos corps cosmos ethos gas lens means nexus news perhaps series species
    thermos towards""".split()  # noqa: SIM905 - a list would take a page
)
#: So are sciences, `robotics` is no plural of `robotic`; but these are plurals.
_MANY_ICS = frozenset(
    """antibiotics basics ceramics characteristics clinics comics critics fabrics heuristics metrics mosaics
    narcotics plastics relics rubrics specifics tactics topics tropics""".split()  # noqa: SIM905
)
#: How words end, from how many letters on, and what stands there instead in singular and plural.
_ENDINGS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("ices", 6, ("ice", "ices", "ix", "ex")),
    ("ix", 5, ("ix", "ices", "ixes")),
    ("ex", 5, ("ex", "ices", "exes")),
    ("sis", 5, ("sis", "ses")),
    ("ies", 5, ("y", "ies", "ys", "ie")),
    ("y", 5, ("y", "ies", "ys", "ie")),
    ("ses", 5, ("s", "se", "ses", "sis")),  # `viruses`, `cases`, `analyses`: no rule tells which
    ("xes", 5, ("x", "xe", "xes")),
    ("zes", 5, ("z", "ze", "zes")),
    ("ches", 5, ("ch", "che", "ches")),
    ("shes", 5, ("sh", "she", "shes")),
    ("ss", 3, ("ss", "sses")),
    ("us", 4, ("us", "uses", "i")),
    ("is", 3, ("is", "ises")),
    ("s", 4, ("", "s", "es", "ses")),
    ("", 3, ("", "s", "es")),
)


def _plural(word: str, *, shouted: bool) -> tuple[str, Sequence[str]]:
    """What singular and plural of a word share, and their endings; acronyms (`AIDS`) stay whole."""
    if not word.isalpha() or len(word) < (2 if shouted else 3) or IS_UNSPACED.match(word[-1]):
        return word, ("",)
    if shouted:
        return word, ("", "s", "es")
    if _is_whole(word) or _is_whole(f"{word}s"):
        return word, ("", "es")
    return next(
        (word.removesuffix(end), endings)
        for end, least, endings in _ENDINGS
        if word.endswith(end) and len(word) >= least
    )


def _is_whole(word: str) -> bool:
    return word in _WHOLE or (word.endswith("ics") and len(word) > 5 and word not in _MANY_ICS)


def _holding(register: Register, keyword: str) -> Mask:
    """The papers that hold the keyword; looked up once."""
    held = register.holding.get(keyword)
    if held is None:
        wanted, unsure = read_keyword(keyword), _candidates(register, keyword)
        held = register.none()
        if wanted.forms:
            held, unsure = register.simple & register.writing(wanted.forms), unsure & ~register.simple
        read = np.flatnonzero(unsure).tolist()
        held[[number for number in read if wanted.occurs(register.folded[number])]] = True
        register.holding.keep(keyword, held)
    return held


def _candidates(register: Register, keyword: str) -> Mask:
    """The papers with all plain words of the keyword in some form; without such a word, all."""
    chunks = _GAP.split(fold(plain(keyword)))
    words = [word for chunk in chunks for word in (_SIGN.split(chunk) if chunk.isascii() else [chunk])]
    found = ~register.none()
    for word in filter(_is_plain, words):
        found &= register.writing(_forms(word))
    return found


def _is_plain(chunk: str) -> bool:
    is_word = chunk.isalnum() and not IS_UNSPACED.search(chunk)
    # stop words are not kept by the index, nor what it takes for their plural: `ORs`
    return is_word and STOP_WORDS.isdisjoint({chunk.removesuffix("s"), *_forms(chunk)})


def _forms(word: str) -> set[str]:
    """The spellings that a keyword lets through, shouted or not; `C++` is a word that holds a C."""
    if len(word) == 1:
        return {word, f"{word}++", f"{word}#"}
    ways = (_plural(word, shouted=shouted) for shouted in (False, True))
    return {stem + ending for stem, endings in ways for ending in endings}


def _written_by(register: Register, authors: Sequence[str]) -> dict[int, str]:
    return {
        number: author
        for author in authors
        for name in readings(author)
        for other, numbers in _namesakes(register, name)
        if can_be_one(name, other)
        for number in numbers
    }


def _namesakes(register: Register, name: Name) -> Iterator[tuple[Name, Sequence[int]]]:
    """Names that may be of the same person, and their papers."""
    family = register.signed.get(name.family, {}) if name.family else {}
    for letter in (name.given[0][0], "") if name.given else family:
        yield from family.get(letter, {}).items()
