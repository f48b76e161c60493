"""Papers as pages show them: the same cards as in the mails, with the votes of readers here. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from digest.compose import prose
from digest.compose.cards import (
    Author,
    Link,
    card,
    clean_abstract,
    clean_name,
    folded,
    plain,
    reasons,
    topic_name,
)
from digest.links import Links
from digest.models import Issue, Match, Paper, Subscriber
from digest.storage.trending import Listed

#: Cards on pages carry no vote links of their own; those of a reader are added where one is known.
_NO_LINKS = Links(None, ("-",))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One paper on a page, in plain text."""

    id: str
    title: str
    url: str | None
    page: str  # its own page here
    authors: tuple[Author, ...]
    more_authors: int
    venue: str
    votes: int | None  # on Hugging Face
    submitter: str  # who brought it to Hugging Face's list
    here: int  # of readers here
    is_new: bool
    abstract: str
    runs: tuple[prose.Run, ...]  # the abstract in stretches, those marked that matched
    because: tuple[str, ...]
    topic: str
    score: int | None
    links: tuple[Link, ...]
    language: str
    direction: str
    like: str | None = None
    dislike: str | None = None


def view(
    paper: Paper,
    *,
    public: bool = True,
    match: Match | None = None,
    followed: frozenset[str] = frozenset(),
    here: int = 0,
    is_new: bool = False,
    words: tuple[str, ...] = (),
    whole: bool = False,
) -> View:
    """A paper; in public without the abstract unless its source is open.

    `words` are marked where they occur; `whole` shows the abstract uncut.
    """
    shown = paper if paper.open or not public else replace(paper, abstract="", comment="")
    abstract = plain(shown.abstract) if whole else clean_abstract(shown.abstract)
    because = reasons(match.because, abstract) if match else ()
    made = card(shown, _NO_LINKS, followed)
    return View(
        id=paper.id,
        title=made["title"],
        url=made["url"],
        page=page_of(paper.id),
        authors=made["authors"],
        more_authors=made["more_authors"],
        venue=made["venue"],
        votes=made["votes"],
        submitter=clean_name(paper.submitter),
        here=here,
        is_new=is_new,
        abstract=abstract,
        runs=tuple(prose.runs(abstract, words or because)),
        because=because,
        topic=match.topic if match else "",
        score=match.percent if match else None,
        links=made["links"],
        language=made["language"],
        direction=made["direction"],
    )


def page_of(paper_id: str) -> str:
    """Path of a paper's own page."""
    return f"/paper/{quote(paper_id, safe=':/')}"


def list_views(listed: Iterable[Listed]) -> list[View]:
    """The papers of a public list."""
    return [view(one.paper, here=one.here, is_new=one.is_new) for one in listed]


def issue_views(issue: Issue, papers: Mapping[str, Paper], reader: Subscriber, *, public: bool) -> list[View]:
    """The papers that an issue shows."""
    names = frozenset(folded(name) for topic in reader.topics for name in topic.authors)
    return [
        view(papers[match.paper_id], public=public, match=match, followed=names)
        for match in issue.shown
        if match.paper_id in papers
    ]


def by_topic(views: Iterable[View]) -> list[tuple[str, list[View]]]:
    """Papers under the headings of their topics, in the order of the mail."""
    found: dict[str, list[View]] = {}
    for one in views:
        found.setdefault(one.topic, []).append(one)
    return [(topic_name(topic), own) for topic, own in found.items()]


def match_views(matches: Sequence[Match], papers: Mapping[str, Paper]) -> list[View]:
    """Papers of which only the title is shown, with their score."""
    plain = (match._replace(because=()) for match in matches)
    return [view(papers[match.paper_id], match=match) for match in plain if match.paper_id in papers]


def title_views(ids: Sequence[str], papers: Mapping[str, Paper]) -> list[View]:
    """Papers of which only the title is shown."""
    return [view(papers[paper_id]) for paper_id in ids if paper_id in papers]


def with_votes(views: Iterable[View], links: Links, reader_token: str) -> list[View]:
    """The same papers with the links by which this reader votes."""
    return [
        replace(
            one,
            like=links.vote(reader_token, one.id, 1),
            dislike=links.vote(reader_token, one.id, -1),
        )
        for one in views
    ]
