"""What templates see: a paper as a card or a line, in plain text, cleaned, with mathematics in Unicode.

What a feed lacked stays empty and is left out; nothing is invented.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypedDict
from urllib.parse import quote, urlsplit

from digest.compose import prose
from digest.compose.markup import decoded
from digest.compose.mime import TOKEN
from digest.compose.tex import to_unicode
from digest.domains import ascii_domain
from digest.links import Links
from digest.models import Paper

#: So many authors are named; of more, the first of these and the followed ones, the rest is counted.
AUTHORS = 4

#: How a reason names an author.
_BY = "author "

#: So many reasons are given.
REASONS = 6

#: Characters of a title, of a name, a venue or a reason, of an address; nobody has more on purpose.
TITLE, NAME, URL = 300, 100, 2000

_CODE = re.compile(
    r"https?://(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org|huggingface\.co)"
    r"/[\w./~-]*[\w~]",
    re.IGNORECASE,
)


class Link(NamedTuple):
    """Where a word leads."""

    label: str
    url: str


class Author(NamedTuple):
    """A name, and whether the subscriber follows it."""

    name: str
    followed: bool


class Card(TypedDict):
    """A paper in full: the variables of the templates `card`, but for `abstract` and `why`."""

    id: str
    title: str
    url: str | None
    authors: tuple[Author, ...]
    names: list[str]  # the same as plain text; a star before those that the subscriber follows
    more_authors: int
    venue: str
    votes: int | None
    version: int
    links: tuple[Link, ...]
    like: str | None  # page that asks for one press; None without a public address
    dislike: str | None
    language: str
    direction: str


def card(paper: Paper, links: Links, followed: frozenset[str] = frozenset()) -> Card:
    """Prepare a paper; `followed` holds author names as `folded` gives them."""
    title, authors = clean_title(paper), named_authors(paper, followed)
    return Card(
        id=paper.id,
        title=title,
        url=safe_url(paper.url),
        authors=authors,
        names=[f"★\N{NO-BREAK SPACE}{author.name}" if author.followed else author.name for author in authors],
        more_authors=max(0, len(paper.authors) - len(authors)),
        venue=prose.shorten(plain(paper.venue or ", ".join(paper.categories[:3])), NAME),
        votes=paper.votes or None,
        version=paper.version,
        links=paper_links(paper),
        like=links.vote(TOKEN, paper.id, 1),
        dislike=links.vote(TOKEN, paper.id, -1),
        language=prose.language(title),
        direction=prose.direction(title),
    )


def reasons(because: Sequence[str], abstract: str) -> tuple[str, ...]:
    """The first reasons in plain text; a capital that only began a title goes."""
    plain = [clean_name(reason) for reason in because[:REASONS]]
    return tuple(word.lower() if word.istitle() and word.lower() in abstract else word for word in plain)


def plain(text: str) -> str:
    """One line as a person reads it: markup that was escaped twice and TeX are gone, controls too."""
    return prose.clean(to_unicode(decoded(text)))


def clean_title(paper: Paper) -> str:
    """The title in plain text; the id for a paper whose feed gave none."""
    return _title(paper.title) or paper.id


@lru_cache(maxsize=8192)
def _title(title: str) -> str:
    return prose.shorten(plain(title), TITLE)


@lru_cache(maxsize=4096)
def clean_abstract(abstract: str) -> str:
    """The abstract in plain text, cut at a sentence."""
    return prose.excerpt(plain(abstract))


@lru_cache(maxsize=16_384)
def clean_name(name: str) -> str:
    """The name in plain text."""
    return prose.shorten(plain(name), NAME)


@lru_cache(maxsize=16_384)
def topic_name(name: str) -> str:
    """A reader's own words as a heading: TeX stays as typed."""
    return prose.shorten(prose.clean(name), NAME)


@lru_cache(maxsize=16_384)
def folded(name: str) -> str:
    """A name as it is compared: TeX and case do not matter."""
    return clean_name(name).casefold()


def named_authors(paper: Paper, followed: frozenset[str]) -> tuple[Author, ...]:
    """The first few authors and, wherever they stand, those that the subscriber follows."""
    few = AUTHORS + 1 if len(paper.authors) == AUTHORS + 1 else AUTHORS
    return tuple(
        Author(name, folded(written) in followed)
        for position, written in enumerate(paper.authors)
        if (position < few or (followed and folded(written) in followed)) and (name := clean_name(written))
    )


def authors_in(because: Sequence[str], paper: Paper) -> frozenset[str]:
    """Authors of the paper whom a reason `author S. Zhao` means, folded."""
    wanted = [_family_and_given(reason[len(_BY) :]) for reason in because if reason.startswith(_BY)]
    return frozenset(
        folded(name)
        for name in paper.authors
        for family, given in wanted
        if (own := _family_and_given(name))[0] == family and _is_short_for(own[1], given)
    )


def _family_and_given(name: str) -> tuple[str, str]:
    """The surname and the first given name, without accents; `Zhao, Shengkui` is turned round."""
    plain = unicodedata.normalize("NFKD", folded(name))
    family, comma, given = "".join(c for c in plain if not unicodedata.combining(c)).partition(",")
    words = [*given.split(), *family.split()] if comma else family.split()
    return (words[-1], words[0].rstrip(".") if len(words) > 1 else "") if words else ("", "")


def _is_short_for(one: str, other: str) -> bool:
    """Equal, or one is the initial of the other, or is missing."""
    initial = len(one) < 2 or len(other) < 2
    return one == other or (initial and (not one or not other or one[0] == other[0]))


def paper_links(paper: Paper) -> tuple[Link, ...]:
    """Abstract, PDF, and code when the abstract or the comment names a repository."""
    url = safe_url(paper.url)
    found = [Link("Abstract" if paper.arxiv_id else "Article", url)] if url else []
    if paper.arxiv_id:
        found.append(Link("PDF", f"https://arxiv.org/pdf/{quote(paper.arxiv_id)}"))
    code = _CODE.search(f"{paper.abstract} {paper.comment}")
    if code and (address := safe_url(code.group())):
        found.append(Link("Code", address))
    return tuple(found)


@lru_cache(maxsize=8192)
def safe_url(url: str) -> str | None:
    """An http or https address in ASCII, or None: a link of a feed is never anything else."""
    if len(url) > URL:
        return None
    try:
        parts = urlsplit(url.strip())
        host = ascii_domain(parts.hostname or "")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+", host):
        return None
    rest = url.strip()[len(parts.scheme) + 3 + len(parts.netloc) :]
    return f"{parts.scheme}://{host}{port}{quote(rest, safe='/?#@!$&*+,;=:%~._-', errors='replace')}"
