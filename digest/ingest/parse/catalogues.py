"""The JSON of Crossref, OpenAlex and Semantic Scholar: catalogues of what others published. Pure."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from digest import identifiers
from digest.ingest.parse import dates, names, withdrawals
from digest.ingest.parse.document import Document
from digest.ingest.parse.text import blocks, from_html, joined, link, plain
from digest.models import Announcement, Entry

#: An inverted index that claims more words than any abstract has is not believed.
_MOST_WORDS = 20_000


def is_crossref(data: Any) -> bool:
    """True for a list of works, or one work."""
    return (
        isinstance(data, dict)
        and isinstance(message := data.get("message"), dict)
        and (isinstance(message.get("items"), list) or "DOI" in message)
    )


def crossref(data: dict[str, Any]) -> Document:
    """Titles are lists, abstracts JATS, dates may be `[[null]]`."""
    message = data["message"]
    records = message["items"] if isinstance(message.get("items"), list) else [message]
    return _document("crossref", records, _crossref_entry, message.get("total-results"))


def _crossref_entry(record: dict[str, Any]) -> Entry | None:
    doi, title = identifiers.doi(joined(record.get("DOI"))), plain(_first(record.get("title")))
    if not doi or not title:
        return None
    return Entry(
        entry_id=f"doi:{doi}",
        title=title,
        abstract=_jats(record.get("abstract")),
        authors=names.cleaned(_crossref_name(one) for one in _objects(record.get("author"))),
        url=link(record.get("URL")) or f"https://doi.org/{doi}",
        announced=Announcement.PUBLISHED,
        published_at=dates.of_parts(_first(_object(record.get("issued")).get("date-parts"))),
        venue=plain(_first(record.get("container-title"))),
        withdrawn=withdrawals.titled(title),
        **_named(doi),
    )


def _jats(text: Any) -> str:
    """The abstract without its heading `Abstract`."""
    paragraphs = blocks(text)
    return " ".join(paragraphs[1:] if paragraphs[:1] in (["Abstract"], ["ABSTRACT"]) else paragraphs)


def _crossref_name(author: dict[str, Any]) -> str:
    return joined(f"{author.get('given') or ''} {author.get('family') or author.get('name') or ''}")


def is_openalex(data: Any) -> bool:
    """True for a list of works."""
    return isinstance(data, dict) and isinstance(data.get("results"), list) and "meta" in data


def openalex(data: dict[str, Any]) -> Document:
    """Abstracts are inverted indices."""
    return _document("openalex", data["results"], _openalex_entry, _object(data["meta"]).get("count"))


def _openalex_entry(record: dict[str, Any]) -> Entry | None:
    title = plain(record.get("title") or record.get("display_name"))
    number = joined(record.get("id")).rpartition("/")[2]
    doi = identifiers.doi(joined(record.get("doi")))
    if not title or not (doi or number):
        return None
    place = _object(record.get("primary_location"))
    venue = _object(place.get("source"))
    return Entry(
        entry_id=f"openalex:{number}",
        title=title,
        abstract=_inverted(record.get("abstract_inverted_index")),
        authors=names.cleaned(
            _object(one.get("author")).get("display_name") or one.get("raw_author_name")
            for one in _objects(record.get("authorships"))
        ),
        url=link(place.get("landing_page_url")) or link(record.get("doi")) or link(record.get("id")),
        announced=Announcement.PUBLISHED,
        published_at=dates.of_text(record.get("publication_date")),
        venue=joined(venue.get("display_name")),
        withdrawn=record.get("is_retracted") is True,
        **_named(doi),
    )


def _inverted(index: Any) -> str:
    """Words at their places; an index with holes or absurd places gives what it has, in order."""
    if not isinstance(index, dict):
        return ""
    placed = [
        (place, word)
        for word, places in index.items()
        if isinstance(places, list)
        for place in places
        if type(place) is int and 0 <= place < _MOST_WORDS
    ]
    return from_html(" ".join(word for _, word in sorted(placed)))


def is_semantic_scholar(data: Any) -> bool:
    """True for a page of papers, one paper, or an empty page."""
    if not isinstance(data, dict):
        return False
    listed = data.get("data", [])
    page = ("data" in data or {"total", "offset"} <= data.keys()) and isinstance(listed, list)
    return "paperId" in data or (page and all(isinstance(one, dict) and "paperId" in one for one in listed))


def semantic_scholar(data: dict[str, Any]) -> Document:
    """Fields that were not asked for are absent."""
    records = [data] if "paperId" in data else data.get("data", [])
    return _document("semanticscholar", records, _scholar_entry, data.get("total"))


def _scholar_entry(record: dict[str, Any]) -> Entry | None:
    title, number = plain(record.get("title")), joined(record.get("paperId"))
    if not title or not number:
        return None
    others = _object(record.get("externalIds"))
    named = _named(identifiers.doi(joined(others.get("DOI"))))
    if found := identifiers.arxiv_id(joined(others.get("ArXiv"))):
        named["arxiv_id"] = found[0]
    return Entry(
        entry_id=f"semanticscholar:{number}",
        title=title,
        abstract=joined(record.get("abstract")),
        authors=names.cleaned(one.get("name") for one in _objects(record.get("authors"))),
        url=link(record.get("url")) or f"https://www.semanticscholar.org/paper/{quote(number)}",
        announced=Announcement.PUBLISHED,
        published_at=dates.of_text(record.get("publicationDate")),
        venue=joined(record.get("venue")),
        **named,
    )


def _document(name: str, records: list[Any], read: Any, total: Any) -> Document:
    entries = [entry for record in _objects(records) if (entry := read(record))]
    return Document(
        format=name,
        entries=tuple(entries),
        skipped=len(records) - len(entries),
        total=total if type(total) is int else None,
    )


def _named(doi: str | None) -> dict[str, Any]:
    """arXiv's own DOIs name the preprint."""
    found = identifiers.arxiv_id(doi) if doi else None
    return {"arxiv_id": found[0], "doi": None} if found else {"doi": doi}


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(values: Any) -> Iterable[dict[str, Any]]:
    return (one for one in values if isinstance(one, dict)) if isinstance(values, list) else ()
