"""One issue online, its citations, and votes: private pages behind the reader's signed link."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.compose import wording
from digest.compose.cards import clean_title
from digest.compose.citations import FORMATS
from digest.errors import LinkError
from digest.models import Issue, Paper, Subscriber
from digest.pipeline import voting
from digest.pipeline.render import named
from digest.storage import papers
from digest.web.front import form_of, front
from digest.web.pages import PRIVATE
from digest.web.views import by_topic, issue_views, match_views, title_views, with_votes

_VERBS = {"like": 1, "dislike": -1}


async def issue(request: Request) -> Response:
    """The issue as a page, with whole votes and citations."""
    tools, token = front(request), request.path_params["token"]
    reader, frozen, known = await _opened(request)
    votable = with_votes(issue_views(frozen, known, reader, public=False), tools.links, token)
    return tools.pages.page(
        "issue.html",
        headers=PRIVATE,
        token=token,
        date=wording.date(frozen, reader),
        sentence=wording.sentence(frozen, reader, ""),  # which is read on any day, under any schedule
        note=frozen.note,
        topics=by_topic(votable),
        left_out=match_views(frozen.left_out, known),
        hot=with_votes(title_views(frozen.trending, known), tools.links, token),
        revised=title_views(frozen.revised, known),
    )


async def citations(request: Request) -> Response:
    """The papers of the issue as BibTeX or RIS."""
    wanted = FORMATS.get({"bib": "bibtex", "ris": "ris"}.get(request.path_params["kind"], ""))
    if wanted is None:
        raise HTTPException(404)
    _, frozen, known = await _opened(request)
    ids = [match.paper_id for match in frozen.shown] + list(frozen.trending)
    text = wanted.write([known[one] for one in ids if one in known])
    headers = PRIVATE | {"Content-Disposition": f'attachment; filename="{wanted.filename}"'}
    return Response(text, media_type=wanted.content_type, headers=headers)


async def vote(request: Request) -> Response:
    """GET asks, POST counts: more like this, not for me, or neither."""
    tools, token = front(request), request.path_params["token"]
    form = await form_of(request) if request.method == "POST" else dict(request.query_params)
    verb = next((verb for verb in (*_VERBS, "neither") if form.get(verb)), None)
    reader, frozen, known = await _opened(request)
    paper = known.get(form.get(verb or "", ""))
    if verb is None or paper is None:
        raise LinkError("this link names no paper of that mail")
    if request.method == "POST":
        value = _VERBS.get(verb, 0)
        topic = await voting.vote(tools.db, reader, frozen, paper, value, tools.clock())
        return _counted(request, reader, paper, value, topic)
    return tools.pages.page(
        "vote.html",
        headers=PRIVATE,
        token=token,
        verb=verb,
        view=title_views([paper.id], known)[0],
    )


def _counted(request: Request, reader: Subscriber, paper: Paper, value: int, topic: str) -> Response:
    tools, token = front(request), request.path_params["token"]
    heading = {1: "More like this", -1: "Less like this", 0: "Taken back"}[value]
    learnt = f"The next mail knows it, under “{topic}”." if topic else "It counts among the trending papers."
    manage = tools.links.manage(reader.id, tools.clock()) or "/link"
    return tools.pages.say(
        heading,
        clean_title(paper),
        learnt if value else "It counts no more.",
        action=f"/vote/{token}" if value else None,
        button="Take it back",
        fields={"neither": paper.id},
        links={"Read the mail online": f"/issue/{token}", "Settings": _path(tools.links.base_url, manage)},
    )


def _path(base_url: str | None, address: str) -> str:
    return address.removeprefix(base_url or "")


async def _opened(request: Request) -> tuple[Subscriber, Issue, dict[str, Paper]]:
    """Reader, issue and its papers. Raises LinkError for a link that is damaged or of nobody."""
    tools = front(request)
    reader_id, issue_id = tools.links.read_reader(request.path_params["token"])
    found = await voting.opened(tools.db, reader_id, issue_id)
    if found is None:
        raise LinkError("this mail is no longer stored")
    async with tools.db.read() as conn:
        known = await papers.by_ids(conn, named(found[1]))
    return *found, known
