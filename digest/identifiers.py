"""Identifiers of papers: arXiv ids, DOIs and the keys under which a paper is found. Pure.

Both sides of the house need them: ingestion to recognise a paper, storage to find one that a person typed.
Forms of arXiv ids: https://info.arxiv.org/help/arxiv_identifier.html
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

_NEW_STYLE = r"(?P<new>\d{4}\.\d{4,5})"
_OLD_STYLE = r"(?P<old>[a-z]+(?:-[a-z]+)?)(?:\.[a-z]{2})?/(?P<digits>\d{7})"
_BARE = re.compile(rf"(?:{_NEW_STYLE}|{_OLD_STYLE})(?:v(?P<version>\d{{1,4}}))?", re.IGNORECASE)
_PREFIXES = re.compile(
    r"^(?:(?:https?://)?(?:www\.|export\.|rss\.)?arxiv\.org/(?:abs|pdf|html|format|ps|src|list)/"
    r"|(?:https?://)?(?:www\.)?alphaxiv\.org/abs/"
    r"|(?:https?://)?(?:www\.|hf\.co/|)?(?:huggingface\.co/)?papers/"
    r"|(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?10\.48550/arxiv\."
    r"|oai:arxiv\.org:|arxiv:\s*)",
    re.IGNORECASE,
)
_DOI_PREFIX = re.compile(r"^(?:https?://(?:dx\.|www\.)?doi\.org/|info:doi/|doi:\s*)", re.IGNORECASE)
_PREPRINT = re.compile(
    r"(?:https?://(?:www\.)?(?:bio|med)rxiv\.org/content/)?(?P<doi>10\.(?:1101|64898)/\d[\w.-]*?)"
    r"(?:v\d{1,3})?(?:\.[a-z][\w.+-]*)?(?:[?#].*)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"10\.\d{4,9}/[^\s<>\"\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,240}", re.IGNORECASE)


def arxiv_id(text: str) -> tuple[str, int | None] | None:
    """The versionless arXiv id and the version in any of its written forms, else None."""
    bare = _PREFIXES.sub("", text.strip(), count=1)
    bare = bare.partition("?")[0].partition("#")[0]
    found = _BARE.fullmatch((bare[:-4] if bare[-4:].lower() == ".pdf" else bare).rstrip("/"))
    if found is None or not _plausible(found):
        return None
    identifier = found["new"] or f"{found['old'].lower()}/{found['digits']}"
    return identifier, int(found["version"]) if found["version"] else None


def _plausible(found: re.Match[str]) -> bool:
    digits = found["new"] or found["digits"]
    return 1 <= int(digits[2:4]) <= 12


def doi(text: str) -> str | None:
    """The DOI in lower case without resolver, else None; DOIs compare without case (DOI Handbook 2.4)."""
    bare = _DOI_PREFIX.sub("", text.strip(), count=1)
    found = _DOI.match(bare)
    if found is None or found.end() != len(bare):
        return None
    return bare.rstrip(".,;").lower()


def key(text: str) -> str | None:
    """The key under which a paper with this id, typed or published in any form, is found; None: no id."""
    if found := arxiv_id(text):
        return f"arxiv:{found[0]}"
    if text.startswith(("title:", "guid:")):
        return text
    if preprint := _PREPRINT.fullmatch(_DOI_PREFIX.sub("", text.strip(), count=1)):
        return f"doi:{preprint['doi'].lower()}"
    return f"doi:{named}" if (named := doi(text)) else None


def month(identifier: str) -> tuple[datetime, datetime]:
    """The first instant of the month in which an arXiv id was given, and of the month after it."""
    return _month(identifier.rpartition("/")[2][:4])


@lru_cache(maxsize=1024)
def _month(digits: str) -> tuple[datetime, datetime]:
    year, number = int(digits[:2]), int(digits[2:])
    year += 1900 if year > 90 else 2000
    start = datetime(year, number, 1, tzinfo=UTC)
    return start, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
