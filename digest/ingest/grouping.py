"""Which entries belong together: whatever shares a key and does not conflict. Pure.

The same for every order of adding: strong keys are settled before titles, small ids before large ones.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from digest.models import Entry, Paper

_WORDS = re.compile(r"\w+")


def keys(entry: Entry, source: str) -> tuple[str, ...]:
    """Every key that may find the paper of an entry, the strongest first; never empty."""
    found = [f"arxiv:{entry.arxiv_id}"] if entry.arxiv_id else []
    if entry.doi:
        found.append(f"doi:{entry.doi}")
    if not entry.arxiv_id and not entry.entry_id.startswith("doi:"):
        found += _guid_keys(entry, source)
    if name := title_key(entry.title, entry.authors):
        found.append(name)
    return tuple(found)


def _guid_keys(entry: Entry, source: str) -> list[str]:
    """The publisher's own id with the title and with the address (or the text, where there is none).

    Never the id alone: there are feeds that give one id to many papers. The same id with an edited title,
    or at a new address, is still found; with both it is another paper.
    """
    guid = _scope(entry.entry_id, source)
    place = entry.url.partition("://")[2] or entry.abstract
    return [f"guid:{_hash(f'{guid} {told}')}" for told in (f"is {_plain(entry.title)}", f"at {place}")]


def title_key(title: str, authors: Sequence[str]) -> str | None:
    """The key of a title: its words without case and accents, and the first surname; None if too weak."""
    words = _WORDS.findall(_folded(title))
    surname = _surname(authors[0]) if authors else ""
    return f"title:{_hash(' '.join(words) + '|' + surname)}" if len(words) >= 5 and surname else None


@dataclass(slots=True)
class Group:
    """Entries and stored papers that are one paper; the identifiers tell what may not join."""

    rank: tuple[bool, str, str, str]  # decides who claims a contested key: stored papers, then small ids
    arxiv: str | None
    dois: set[str]
    stored: dict[int, Paper]
    entries: list[Entry]
    keys: set[str]
    into: "Group | None" = None  # the group that this one became part of

    def conflicts(self, other: "Group") -> bool:
        """True for two arXiv ids, or two DOIs without a common arXiv id."""
        if self.arxiv and other.arxiv:
            return self.arxiv != other.arxiv
        return bool(self.dois and other.dois and self.dois.isdisjoint(other.dois))

    def root(self) -> "Group":
        """The group that this one is part of by now."""
        group = self
        while group.into is not None:
            group = group.into
        return group

    def join(self, other: "Group") -> None:
        """Take another group in."""
        self.arxiv = self.arxiv or other.arxiv
        self.dois |= other.dois
        self.stored |= other.stored
        self.entries += other.entries
        self.keys |= other.keys
        other.into = self


class Groups:
    """Union of whatever shares a key and does not conflict; the same for every order of adding."""

    def __init__(self) -> None:
        self._stored: dict[int, Group] = {}
        self._fresh: list[Group] = []
        self._claims: dict[str, list[Group]] = {}

    def add_stored(self, key: str, number: int, paper: Paper) -> None:
        """A stored paper under one of the keys that find it."""
        group = self._stored.get(number)
        if group is None:
            dois = {paper.doi} if paper.doi else set()
            rank = (False, paper.id, "", "")
            group = Group(rank, paper.arxiv_id, dois, {number: paper}, [], {paper.id})
            self._stored[number] = group
        self._claims.setdefault(key, []).append(group)

    def add_entry(self, entry: Entry, named: tuple[str, ...]) -> None:
        """An entry under all its keys, the strongest first."""
        rank = (True, named[0], named[-1], entry.title)
        group = Group(rank, entry.arxiv_id, {entry.doi} if entry.doi else set(), {}, [entry], set())
        self._fresh.append(group)
        for key in named:
            self._claims.setdefault(key, []).append(group)

    def joined(self) -> list[Group]:
        """Every group with its keys; a contested key belongs to the first that claimed it."""
        for key in sorted(self._claims, key=_precedence):
            claimants = self._claims[key]
            if len(claimants) > 1:
                self._settle(sorted(claimants, key=lambda group: group.rank))
            claimants[0].root().keys.add(key)
        return [group for group in [*self._stored.values(), *self._fresh] if group.into is None]

    def _settle(self, claimants: list[Group]) -> None:
        """Join every claimant to the first group that it does not conflict with."""
        holders: list[Group] = []
        for claimant in claimants:
            group = claimant.root()
            if any(holder.root() is group for holder in holders):
                continue
            for holder in holders:
                if not holder.root().conflicts(group):
                    holder.root().join(group)
                    break
            else:
                holders.append(group)


def _precedence(key: str) -> tuple[int, str]:
    return ("arxiv", "doi", "guid", "title").index(key.partition(":")[0]), key


def _plain(title: str) -> str:
    """A title that does not change with its case, accents and punctuation."""
    return " ".join(_WORDS.findall(_folded(title))) or title


def _surname(name: str) -> str:
    family, comma, _ = name.partition(",")
    words = _WORDS.findall(_folded(family if comma else name))
    return words[-1] if words else ""


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()


def _scope(entry_id: str, source: str) -> str:
    """Short ids ("17") are unique within their source at most."""
    return entry_id if len(entry_id) >= 12 else f"{source} {entry_id}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
