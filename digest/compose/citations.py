"""Papers as BibTeX and as RIS. Pure.

UTF-8, mathematics in Unicode as in the mail, every special sign escaped: no title can break out of its
field. What a feed lacked is left out.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from digest.compose import prose
from digest.compose.cards import clean_name, clean_title, plain, safe_url
from digest.models import Paper

#: So many authors are named: a collaboration of three thousand would be a mail of its own.
AUTHORS = 100

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}",
    "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_DULL = frozenset(
    ["a", "an", "and", "for", "from", "in", "of", "on", "the", "to", "towards", "toward", "via", "with"]
)


@dataclass(frozen=True, slots=True)
class Format:
    """How a file of citations is called, and who writes it."""

    write: Callable[[Sequence[Paper]], str]
    content_type: str
    filename: str


def bibtex(papers: Sequence[Paper]) -> str:
    """One entry a paper, keys distinct, papers in their order."""
    times: Counter[str] = Counter()
    entries = []
    for paper in papers:
        key = _key(paper)
        times[key] += 1
        entries.append(_entry(paper, key if times[key] == 1 else f"{key}-{times[key]}"))
    return "\n".join(entries)


def ris(papers: Sequence[Paper]) -> str:
    """One record a paper, lines ending in CRLF as the format asks."""
    return "".join(f"{tag}  - {value}\r\n" for paper in papers for tag, value in _record(paper))


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "bibtex": Format(bibtex, "text/x-bibtex", "papers.bib"),
        "ris": Format(ris, "application/x-research-info-systems", "papers.ris"),
    }
)


def _entry(paper: Paper, key: str) -> str:
    fields = {
        "title": f"{{{_escaped(clean_title(paper))}}}",
        "author": " and ".join([*map(_bibtex_name, _names(paper)), *_others(paper)]),
        "journal": _escaped(plain(paper.venue)),
        "year": _year(paper),
        "eprint": paper.arxiv_id,
        "archiveprefix": "arXiv" if paper.arxiv_id else None,
        "primaryclass": _escaped(paper.categories[0]) if paper.arxiv_id and paper.categories else None,
        "doi": _escaped(paper.doi or ""),
        "url": _percent_braces(safe_url(paper.url)),
    }
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
    return f"@{'article' if paper.venue else 'misc'}{{{key},\n{''.join(lines)}}}\n"


def _record(paper: Paper) -> list[tuple[str, str]]:
    lines = [("TY", "JOUR" if paper.venue else "UNPB"), ("TI", clean_title(paper))]
    lines += [("AU", _inverted(name)) for name in _names(paper)]
    optional = {
        "T2": plain(paper.venue),
        "PY": _year(paper),
        "DO": prose.clean(paper.doi or ""),
        "AN": f"arXiv:{paper.arxiv_id}" if paper.arxiv_id else "",
        "UR": safe_url(paper.url),
    }
    return [*lines, *((tag, value) for tag, value in optional.items() if value), ("ER", "")]


def _names(paper: Paper) -> list[str]:
    return [name for author in paper.authors[:AUTHORS] if (name := clean_name(author))]


def _others(paper: Paper) -> list[str]:
    """What BibTeX calls the authors that are not named; RIS has no word for them."""
    return ["others"] if len(paper.authors) > AUTHORS else []


def _bibtex_name(name: str) -> str:
    """A name with a comma or an `and` in it is one thing, so it stands in braces."""
    escaped = _escaped(name)
    return f"{{{escaped}}}" if "," in name or re.search(r"\band\b", name, re.IGNORECASE) else escaped


def _inverted(name: str) -> str:
    """`Lovelace, Ada`, which RIS wants; the last word is taken for the surname."""
    given, _, surname = name.rpartition(" ")
    return name if "," in name or not given else f"{surname}, {given}"


def _year(paper: Paper) -> str:
    """Of publication; for an arXiv paper without a date, of its number."""
    if paper.published_at:
        return str(paper.published_at.year)
    number = re.match(r"(\d\d)(?:0[1-9]|1[0-2])\.\d", paper.arxiv_id or "")
    return f"20{number.group(1)}" if number else ""


def _key(paper: Paper) -> str:
    """`lovelace2026analytical`: surname, year, first word that says something; always ASCII."""
    names = _names(paper)
    surname = _ascii(names[0].rpartition(" ")[2]) if names else ""
    words = (_ascii(word) for word in clean_title(paper).split())
    word = next((word for word in words if len(word) > 2 and word not in _DULL), "")
    return f"{surname}{_year(paper)}{word}" or "paper"


def _ascii(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", folded)


def _escaped(text: str) -> str:
    """BibTeX counts braces even behind a backslash, so they get names."""
    return "".join(_TEX.get(character, character) for character in text)


def _percent_braces(url: str | None) -> str:
    return (url or "").replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C")
