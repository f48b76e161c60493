"""Who knows a paper by its id, and how it is asked: arXiv, bioRxiv, medRxiv, Crossref. Pure.

https://info.arxiv.org/help/api/user-manual.html, https://api.biorxiv.org/, https://api.crossref.org/swagger-ui/
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from digest.ingest import gaps

PREPRINTS = "https://api.biorxiv.org/details"
CROSSREF = "https://api.crossref.org/works"

#: Papers a request: an address with so many ids has some 2,000 characters.
ARXIV_IDS, DOIS = 100, 40

#: An id that nobody knows is asked for again after a day, then after twice as long: some are registered late.
_UNKNOWN, _LONGEST_UNKNOWN = timedelta(days=1), timedelta(days=30)

#: A registry that gives no usable answer rests for this long, then twice as long, or as long as it asks.
_REFUSED, _LONGEST_REFUSED = timedelta(minutes=5), timedelta(hours=6)

#: Beside preprints, the journals of Cold Spring Harbor have the prefix 10.1101: `10.1101/gr.214874.116`.
_PREPRINT = re.compile(r"doi:10\.(?:1101|64898)/\d[\w.-]*")
_PLAIN = re.compile(r"(?:arxiv|doi):[\w.()/-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Somebody who can be asked for papers by their ids."""

    name: str
    family: str  # of the papers that come from there
    open: bool  # their abstracts may be shown on public pages
    address: str

    def knows(self, key: str) -> bool:
        """May the registry know this paper?"""
        if self.name == "arXiv":
            return key.startswith("arxiv:")
        return key.startswith("doi:") and (self.name == "Crossref" or _PREPRINT.fullmatch(key) is not None)

    def singly(self, key: str) -> bool:
        """Does this paper take a request of its own?"""
        if self.name == "arXiv":
            return gaps.is_oai(self.address)
        return self.name != "Crossref" or _PLAIN.fullmatch(key) is None

    def requests(self, keys: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
        """The addresses to ask, each with the papers that its answer may hold."""
        if self.name == "arXiv" and gaps.is_oai(self.address):
            yield from ((gaps.by_id(self.address, _bare(key)), [key]) for key in keys)
        elif self.name == "arXiv":
            for some in _chunks(keys, ARXIV_IDS):
                yield gaps.by_ids(self.address, map(_bare, some)), some
        elif self.name == "Crossref":
            yield from _works(self.address, keys)
        else:
            yield from ((f"{self.address}/{_bare(key)}/na/json", [key]) for key in keys)


def registries(
    arxiv: str | None, preprints: str | None = PREPRINTS, crossref: str | None = CROSSREF
) -> tuple[Registry, ...]:
    """Those that have an address, in the order in which they are asked."""
    servers = [("bioRxiv", "biorxiv"), ("medRxiv", "medrxiv")] if preprints else []
    known = [Registry(name="arXiv", family="arxiv", open=True, address=arxiv)] if arxiv else []
    known += [
        Registry(name=name, family=server, open=True, address=f"{preprints}/{server}")
        for name, server in servers
    ]
    if crossref:
        known.append(Registry(name="Crossref", family="crossref", open=False, address=crossref))
    return tuple(known)


def rest(asks: int, *, refused: bool, retry_after: float | None) -> timedelta:
    """How long after so many askings with the same end a paper is left alone."""
    first, longest = (_REFUSED, _LONGEST_REFUSED) if refused else (_UNKNOWN, _LONGEST_UNKNOWN)
    doubled: timedelta = first * 2 ** min(asks - 1, 20)
    return max(min(doubled, longest), timedelta(seconds=retry_after or 0.0))


def _works(address: str, keys: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Crossref's filter takes many DOIs at once, but none with a comma or a colon in it."""
    for some in _chunks([key for key in keys if _PLAIN.fullmatch(key)], DOIS):
        yield f"{address}?{urlencode({'filter': ','.join(some), 'rows': len(some)}, safe=':,/')}", some
    for key in keys:
        if not _PLAIN.fullmatch(key):
            yield f"{address}/{quote(_bare(key), safe='')}", [key]


def _bare(key: str) -> str:
    return key.partition(":")[2]


def _chunks(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
