"""A paper as one block of a mail: what it shows, and the block in HTML and in text.

A block is made once for a (paper, topic, reasons) and joined into any number of messages.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from digest.compose import prose
from digest.compose.tex import to_unicode
from digest.models import Match, Paper

#: So many authors are named; of more, the rest is counted.
AUTHORS = 4

_CODE = re.compile(
    r"https?://(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org|huggingface\.co)/[\w./~-]+[\w~-]",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Link:
    """Where a word leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What templates see of a paper: plain text, cleaned, mathematics in Unicode."""

    id: str
    title: str
    url: str | None
    authors: tuple[str, ...]
    more_authors: int
    venue: str
    abstract: str
    topic: str
    score: int | None
    because: tuple[str, ...]
    links: tuple[Link, ...]
    votes: int | None
    direction: str


def card(paper: Paper, match: Match | None = None) -> Card:
    """Prepare a paper for the templates; what its feed lacked stays empty."""
    title = prose.clean(to_unicode(paper.title))
    url = safe_url(paper.url)
    return Card(
        id=paper.id,
        title=title,
        url=url,
        authors=tuple(prose.clean(to_unicode(name)) for name in paper.authors[:AUTHORS]),
        more_authors=max(0, len(paper.authors) - AUTHORS),
        venue=prose.clean(paper.venue or ", ".join(paper.categories[:3])),
        abstract=prose.excerpt(prose.clean(to_unicode(paper.abstract))),
        topic=match.topic if match else "",
        score=round(match.score) if match else None,
        because=tuple(prose.clean(reason) for reason in match.because) if match else (),
        links=_links(paper, url),
        votes=paper.votes or None,
        direction=prose.direction(title),
    )


def _links(paper: Paper, url: str | None) -> tuple[Link, ...]:
    found = [Link("Abstract", url)] if url else []
    if paper.arxiv_id:
        found.append(Link("PDF", f"https://arxiv.org/pdf/{quote(paper.arxiv_id)}"))
    code = _CODE.search(f"{paper.abstract} {paper.comment}")
    if code and (address := safe_url(code.group())):
        found.append(Link("Code", address))
    return tuple(found)


def safe_url(url: str) -> str | None:
    """An http or https address in ASCII, or None: a link of a feed is never anything else."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9a-fA-F:]+", host):
        return None
    rest = quote(url.strip()[len(parts.scheme) + 3 + len(parts.netloc) :], safe="/?#[]@!$&'()*+,;=:%~._-")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{rest}"
