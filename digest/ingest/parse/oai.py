"""OAI-PMH answers of arXiv: `arXiv`, `arXivRaw` and `oai_dc` records. Pure.

Read record by record, so that a cut answer gives what is whole. Only `arXivRaw` knows versions.
Source: https://info.arxiv.org/help/oa/
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from digest import identifiers
from digest.errors import ParseError
from digest.ingest.parse import dates, names, withdrawals
from digest.ingest.parse.document import Document
from digest.ingest.parse.text import joined
from digest.models import Entry

#: Errors of the protocol that are answers: there is no such record.
_NOTHING = frozenset({"noRecordsMatch", "idDoesNotExist"})

_OAI = "{http://www.openarchives.org/OAI/2.0/}"


def read(body: bytes) -> Document:
    """Every whole record. Raises ParseError for the errors of the protocol and for broken XML."""
    reader = _Records()
    whole = True
    try:
        entries = list(reader.read(body))
    except ET.ParseError as error:
        entries, whole = reader.entries, False
        if not entries:
            raise ParseError(f"the OAI-PMH answer is broken ({error})") from error
    note = None if whole else "the OAI-PMH answer breaks off; its whole records were read"
    return Document(
        format="oai",
        entries=tuple(entries),
        whole=whole,
        note=note,
        following=reader.token,
        total=reader.total,
    )


class _Records:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.token: str | None = None
        self.total: int | None = None

    def read(self, body: bytes) -> list[Entry]:
        parser: Any = ET.XMLPullParser(events=("end",))
        parser.feed(body)
        self._take(parser)
        parser.close()
        self._take(parser)
        return self.entries

    def _take(self, parser: Any) -> None:
        element: ET.Element
        for _, element in parser.read_events():
            if element.tag == f"{_OAI}record":
                if entry := _entry(element):
                    self.entries.append(entry)
                element.clear()
            elif element.tag == f"{_OAI}resumptionToken":
                self.token = joined(element.text) or None
                size = element.get("completeListSize", "")
                self.total = int(size) if re.fullmatch(r"\d{1,9}", size) else None
            elif element.tag == f"{_OAI}error" and element.get("code") not in _NOTHING:
                raise ParseError(f"the OAI-PMH server refuses: {element.get('code')} {joined(element.text)}")


def _entry(record: ET.Element) -> Entry | None:
    header = record.find(f"{_OAI}header")
    if header is None or header.get("status") == "deleted":
        return None
    fields: dict[str, list[ET.Element]] = {}
    for element in _leaves(record):
        fields.setdefault(element.tag.rpartition("}")[2], []).append(element)
    named = identifiers.arxiv_id(_text(fields, "id") or _text(fields, "identifier"))
    title = _text(fields, "title")
    if named is None or not title:
        return None
    abstract, comment = _words(fields)
    versions = [element.get("version", "") for element in fields.get("version", [])]
    return Entry(
        entry_id=f"oai:arXiv.org:{named[0]}",
        title=title,
        abstract=abstract,
        authors=_authors(fields),
        url=f"https://arxiv.org/abs/{named[0]}",
        arxiv_id=named[0],
        doi=identifiers.doi(_text(fields, "doi").partition(" ")[0]),
        version=max((int(one[1:]) for one in versions if re.fullmatch(r"v\d{1,4}", one)), default=named[1]),
        categories=tuple(_text(fields, "categories").split()),
        published_at=_created(fields),
        venue=_text(fields, "journal-ref"),
        comment=comment,
        licence=_text(fields, "license"),
        withdrawn=withdrawals.told(abstract, comment),
        current=not versions,
    )


def _leaves(record: ET.Element) -> Iterator[ET.Element]:
    metadata = record.find(f"{_OAI}metadata")
    for form in metadata if metadata is not None else ():
        yield from form


def _text(fields: dict[str, list[ET.Element]], name: str) -> str:
    found = fields.get(name)
    return joined(found[0].text) if found else ""


def _words(fields: dict[str, list[ET.Element]]) -> tuple[str, str]:
    """Abstract and comment; Dublin Core has both in `description`."""
    if abstract := _text(fields, "abstract"):
        return abstract, _text(fields, "comments")
    described = [joined(element.text) for element in fields.get("description", [])]
    comments = [text.removeprefix("Comment:").strip() for text in described if text.startswith("Comment:")]
    abstracts = [text for text in described if not text.startswith("Comment:")]
    return abstracts[0] if abstracts else "", " ".join(comments)


def _authors(fields: dict[str, list[ET.Element]]) -> tuple[str, ...]:
    if creators := fields.get("creator"):
        return names.listed(joined(element.text) for element in creators)
    authors = fields.get("authors", [])
    if not authors:
        return ()
    if len(authors[0]) == 0:
        return names.split_given_first(authors[0].text)
    return names.cleaned(_name(author) for author in authors[0])


def _name(author: ET.Element) -> str:
    parts = {part.tag.rpartition("}")[2]: joined(part.text) for part in author}
    return joined(" ".join(parts.get(key, "") for key in ("forenames", "keyname", "suffix")))


def _created(fields: dict[str, list[ET.Element]]) -> datetime | None:
    """`created`, the date of Dublin Core, or that of the first version of `arXivRaw`."""
    if at := dates.of_text(_text(fields, "created") or _text(fields, "date")):
        return at
    for version in fields.get("version", [])[:1]:
        for part in version:
            return dates.of_mail(part.text)
    return None
