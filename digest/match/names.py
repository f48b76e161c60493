"""Names of people, compared across initials, accents and order. Pure."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from digest.match.text import IS_UNSPACED, fold, plain

_TOGETHER = re.compile(r"[B-DF-HJ-NP-TV-XZ]{2,3}")  # a name has a vowel
_ASIDE = re.compile(r"\([^)]*\)")  # affiliations, as old arXiv records have them
_INITIALS = re.compile(r"[A-Z]{1,3}")
_SPOKEN = re.compile(r"(?=.*[AEIOUVY])[A-Z]{2,3}|NG")  # initials, or a whole name in capitals: `Xu`, `Lv`
_SHOUTED = re.compile(r"(?:(?=\S*[AEIOUVY])[A-Z]{2,}|NG)(?= |$)")  # a family name that stands first
#: What follows a name and is none of it; what stands before a family name, in small letters.
_TITLES = re.compile(r"(?:,\s*|\s+)(?:Jr|Sr|II|III|IV|Ph\.?\s?D|M\.?D)\.?$")
_PARTICLES = re.compile(r"\b(?:van|von|der|den|de|du|del|della|di|da|dos|la|le|ter|zu)\s+")


@dataclass(frozen=True, slots=True)
class Name:
    """A folded name; `given` may be initials or empty."""

    family: str
    given: tuple[str, ...] = ()
    is_guessed: bool = False  # the family name may be initials


def is_same_person(one: str, other: str) -> bool:
    """Can both be the name of one person? `S. Zhao`, `Zhao, Shengkui` and `Shengkui Zhao` can."""
    return any(
        first.family and first.family == second.family and can_be_one(first, second)
        for first in readings(one)
        for second in readings(other)
    )


def can_be_one(one: Name, other: Name) -> bool:
    """Can two names of one family be those of one person? A guess needs whole given names."""
    if (one.is_guessed or other.is_guessed) and not (_is_whole(one) and _is_whole(other)):
        return False
    return are_compatible(one.given, other.given)


def _is_whole(name: Name) -> bool:
    return bool(name.given) and len(name.given[0]) > 1


def readings(name: str) -> tuple[Name, ...]:
    """The names that it can be: `Tao XU` and `XU Tao` are Tao Xu, but PubMed's first one is X. U. Tao."""
    first, (before, _, last) = parse(name), _bare(name).rpartition(" ")
    if _SPOKEN.fullmatch(last):
        guessed = parse(f"{before} {last.title()}")
    elif _SHOUTED.match(before) and not last.isupper():
        family, _, given = f"{before} {last}".partition(" ")
        guessed = parse(f"{given} {family.title()}")
    else:
        return (first,)
    return (first,) if first == guessed else (first, replace(guessed, is_guessed=True))


def _bare(name: str) -> str:
    """The name without titles and affiliations."""
    return " ".join(_TITLES.sub("", _ASIDE.sub(" ", plain(name)).strip()).split())


@lru_cache(maxsize=1 << 14)
def parse(name: str) -> Name:
    """Cut a name as written into family and given names."""
    written = _PARTICLES.sub("", _bare(name))
    if IS_UNSPACED.match(written):
        return Name(fold("".join(written.split())))
    if "," in written:
        family, _, given = written.partition(",")
        words = [*_words(given), *_words(family)]
    else:
        parts = written.split()
        # PubMed writes `Zhao SK`: capitals behind a longer name are initials.
        if len(parts) > 1 and _INITIALS.fullmatch(parts[-1]) and not parts[0].isupper():
            words = [*parts[-1].lower(), *_words(" ".join(parts[:-1]))]
        elif len(parts) > 1 and _TOGETHER.fullmatch(parts[0]):  # `JM Smith`
            words = [*parts[0].lower(), *_words(" ".join(parts[1:]))]
        else:
            words = _words(written)
    return Name(words[-1], tuple(words[:-1])) if words else Name("")


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", fold(text).replace("'", "").replace("’", "")) if word]


def are_compatible(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Can the given names be those of one person?"""
    if not one or not other:
        return True
    if one[0][0] != other[0][0]:  # most are told apart by this
        return False
    if "".join(one) == "".join(other):
        return True
    short, long = sorted((one, other), key=len)
    if not _is_short_for(short[0], long[0]):
        return False
    rest = iter(long[1:])
    return all(any(_is_short_for(name, full) for full in rest) for name in short[1:])


def _is_short_for(one: str, other: str) -> bool:
    if len(one) == 1 or len(other) == 1:
        return one[0] == other[0]
    return one == other
