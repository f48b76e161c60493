"""PubMed's own XML (`efetch`). Its RSS is an ordinary feed. Pure."""

import xml.etree.ElementTree as ET

from digest import identifiers
from digest.errors import ParseError
from digest.ingest.parse import dates, names, withdrawals
from digest.ingest.parse.document import Document
from digest.ingest.parse.text import joined
from digest.models import Announcement, Entry


def read(body: bytes) -> Document:
    """Every article. Raises ParseError for broken XML."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise ParseError(f"PubMed's answer is broken or cut off ({error})") from error
    articles = root.findall("PubmedArticle")
    entries = [entry for article in articles if (entry := _entry(article))]
    return Document(format="pubmed", entries=tuple(entries), skipped=len(articles) - len(entries))


def _entry(article: ET.Element) -> Entry | None:
    number, title = joined(article.findtext(".//PMID")), _inner(article.find(".//ArticleTitle"))
    if not number or not title:
        return None
    return Entry(
        entry_id=f"pubmed:{number}",
        title=title,
        abstract=_abstract(article),
        authors=names.cleaned(_name(author) for author in article.findall(".//AuthorList/Author")),
        url=f"https://pubmed.ncbi.nlm.nih.gov/{number}/",
        doi=_doi(article),
        announced=Announcement.PUBLISHED,
        published_at=dates.of_text(_date(article)),
        venue=joined(article.findtext(".//Journal/Title")),
        withdrawn=withdrawals.titled(title) or "Retracted Publication" in _kinds(article),
    )


def _inner(element: ET.Element | None) -> str:
    return joined("".join(element.itertext())) if element is not None else ""


def _abstract(article: ET.Element) -> str:
    """Sections with their labels, as PubMed shows them."""
    parts = []
    for section in article.findall(".//Abstract/AbstractText"):
        label = section.get("Label")
        parts.append(f"{label}: {_inner(section)}" if label else _inner(section))
    return " ".join(parts)


def _name(author: ET.Element) -> str:
    if collective := _inner(author.find("CollectiveName")):
        return collective
    return joined(f"{author.findtext('ForeName', '')} {author.findtext('LastName', '')}")


def _kinds(article: ET.Element) -> set[str]:
    return {joined(kind.text) for kind in article.findall(".//PublicationType")}


def _doi(article: ET.Element) -> str | None:
    for path in (".//ELocationID[@EIdType='doi']", "./PubmedData/ArticleIdList/ArticleId[@IdType='doi']"):
        if (element := article.find(path)) is not None:
            return identifiers.doi(joined(element.text))
    return None


def _date(article: ET.Element) -> str:
    """The day when PubMed had it, else the electronic publication."""
    for path in (".//PubMedPubDate[@PubStatus='pubmed']", ".//ArticleDate"):
        if (at := article.find(path)) is not None:
            parts = (at.findtext("Year", ""), at.findtext("Month", ""), at.findtext("Day", ""))
            return "-".join(part.zfill(2) for part in parts)
    return ""
