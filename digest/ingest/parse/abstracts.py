"""Find the abstract in an item of a journal, among volumes, pages, teasers, names and buttons. Pure.

Nothing that is no abstract is taken for one: rather none than `Volume 56, Issue 3`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from digest.ingest.parse import names
from digest.ingest.parse.text import blocks, from_html, joined

_LABEL = re.compile(
    r"(?P<label>abstract|summary|authors?|author\(s\)|doi|source|publication date|upvotes|published|updated|"
    r"comments?|pdf|html|xml|pmid|keywords|categories|subjects?)\s*(?::\s*|$)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_HEADED = re.compile(
    r"\s*(?:abstract|summary)(?:\s*[.:]+\s*(?=\S)|[^\S\n]*\n\s*(?=\S)|"
    r"\s+(?=(?-i:The|This|In|We|Our|Here|Background|Motivation|Objectives?|Purpose|Aims?)\b))",
    re.IGNORECASE,
)
_NO_ABSTRACT = re.compile(
    r"published online|early ?view|(?:volume|vol\.)\s*\d+|\bissue\s+\d+|\bpp?\.\s*\d|\bpages?\s+\d|"
    r"^https?://\S+$|^doi:?\s*10\.|^(?:no abstract|abstract not available)|^ahead of print|^\W*$|"
    r"^(?:html|xml|pdf|full text|read more|view article|n/?a|none)\.?$|"
    r"^\D{2,60}\d+(?:\s*\(\d+\))?:\s*\d+[-–]\d+\.?$|"
    r"^the post .{1,400} appeared first on ",
    re.IGNORECASE,
)
_TEASER = re.compile(r"published online:|^the post .{1,400} appeared first on ", re.IGNORECASE)
_ANNOUNCED = re.compile(r"arXiv:\S+ Announce Type: ([\w-]+)\s+Abstract:\s*(.*)", re.DOTALL)
_PARTICLES = re.compile(
    r"d[aeiou]s?|del|della|dal|v[ao]n|vom|de[rn]|zur?|te[rn]?|l[aeo]|[ea]l|[bi][ib]n|ben|abu|[eioy]|and|a[fv]|'t"
)
_HIGHWIRE = re.compile(r'<span class="highwire-citation-author[^"]*"[^>]*>(.*?</span>\s*)</span>', re.DOTALL)

#: A paragraph that speaks of volumes and pages and is no longer than this is a reference, no abstract.
_REFERENCE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the text of an item says beside its title."""

    abstract: str = ""
    authors: tuple[str, ...] = ()
    doi: str = ""
    comment: str = ""
    announced: str = ""  # arXiv's word, repeated by somebody else


def find(item: Any, title: str) -> Found:
    """The abstract of an item of a journal, and what else its text tells."""
    best, author = Found(), joined(item.get("author"))
    for text in _texts(item):
        found = (
            _highwire(text)
            if "highwire-cite" in text
            else _read(blocks(_without_heading(text)), title, author)
        )
        best = _better(best, found)
    return best


def _texts(item: Any) -> Iterable[str]:
    """Contents before the summary: where both are there, the summary is the shorter."""
    for content in item.get("content") or ():
        if isinstance(value := content.get("value"), str):
            yield value
    if isinstance(summary := item.get("summary"), str):
        yield summary


def _better(one: Found, other: Found) -> Found:
    """The longer abstract wins, unless it is the same one with more around it."""
    long, short = (other, one) if len(other.abstract) > len(one.abstract) else (one, other)
    return Found(
        abstract=long.abstract,
        authors=long.authors or short.authors,
        doi=long.doi or short.doi,
        comment=long.comment or short.comment,
        announced=long.announced or short.announced,
    )


def _read(paragraphs: list[str], title: str, author: str) -> Found:
    if any(_TEASER.search(paragraph) for paragraph in paragraphs):
        return Found()
    labelled, plain = _sorted(paragraphs)
    authors = names.split(labelled.get("authors") or labelled.get("author") or labelled.get("author(s)"))
    rest = [paragraph for paragraph in plain if paragraph != title]
    if rest and not authors and (is_names(rest[0]) or (len(rest) > 1 and _begins_with(author, rest[0]))):
        authors = names.split(rest.pop(0))
    for paragraph in rest:
        if said := _ANNOUNCED.search(paragraph):
            return Found(abstract=said[2], authors=authors, announced=said[1].lower())
    abstract = _abstract([labelled.get("abstract") or labelled.get("summary") or ""])
    if not abstract and not {"source", "publication date"} <= labelled.keys():
        abstract = _abstract(rest)
    comment = labelled.get("comments", "")
    return Found(
        abstract=_without_heading(abstract),
        authors=authors,
        doi=labelled.get("doi", ""),
        comment=comment,
    )


def _without_heading(text: str) -> str:
    """`Abstract: We do it.` loses its first word, `Abstract interpretation works.` does not."""
    heading = _HEADED.match(text)
    return text[heading.end() :] if heading else text


def _sorted(paragraphs: list[str]) -> tuple[dict[str, str], list[str]]:
    """Paragraphs behind a label, and the others; what follows the label `Abstract` belongs to it."""
    labelled: dict[str, str] = {}
    plain: list[str] = []
    current = ""
    for paragraph in paragraphs:
        found = _LABEL.match(paragraph)
        if found:
            current = found["label"].lower()
            labelled.setdefault(current, found["rest"])
        elif current in ("abstract", "summary"):
            labelled[current] = f"{labelled[current]} {paragraph}".strip()
        else:
            plain.append(paragraph)
    return labelled, plain


def _abstract(paragraphs: list[str]) -> str:
    kept = [one for one in paragraphs if not (_NO_ABSTRACT.search(one) and len(one) <= _REFERENCE)]
    text = " ".join(kept)
    return text if " " in text or not text.isascii() else ""


def is_names(paragraph: str) -> bool:
    """True for a list of at least two names: short parts, each word of them capitalised or a particle."""
    if len(paragraph) > 3_000 or not re.search("[;,]", paragraph):
        return False
    parts = [part.strip() for part in re.split("[;,]", paragraph.strip(" ;,")) if part.strip()]
    if parts[-1:] == ["et al."]:
        parts.pop()
    return len(parts) > 1 and all(_is_name(part) for part in parts)


def _begins_with(author: str, paragraph: str) -> bool:
    """True for the list of the authors of an item that names the first of them elsewhere."""
    others = paragraph.removeprefix(author) if author else paragraph
    return (
        others != paragraph and all(len(one) <= 60 for one in others.split(",")) and others[:1] in ("", ",")
    )


def _is_name(part: str) -> bool:
    words = part.split()
    good = all(
        word.lstrip("-'’")[:1].isupper() or _PARTICLES.fullmatch(word.lower()) or not word[0].isascii()
        for word in words
    )
    return good and len(words) <= 7 and len(part) <= 60 and not re.search(r"\d|[a-z]{2}\.$", part)


def _highwire(text: str) -> Found:
    """A search result page of bioRxiv in an item: names, no abstract."""
    return Found(
        authors=names.cleaned(from_html(author.replace("<", " <")) for author in _HIGHWIRE.findall(text))
    )
