"""Issues made up to try the templates on, so that a broken one is found before a mail is due. Pure."""

from datetime import UTC, datetime

from digest.models import Issue, Match, Paper, Subscriber, Topic

AT = datetime(2026, 4, 14, 7, 30, tzinfo=UTC)

_RICH = Paper(
    id="arxiv:2604.00001",
    title="A rehearsal",
    abstract="Every part of a card is here, as https://github.com/example/example shows.",
    authors=("Ada Lovelace", "Emmy Noether", "B", "C", "D", "E", "F"),
    url="https://arxiv.org/abs/2604.00001",
    categories=("cs.CL",),
    votes=2,
    version=2,
)
_BARE = Paper(id="title:0", title="A title alone")

PAPERS = {paper.id: paper for paper in (_RICH, _BARE)}

READER = Subscriber(
    id=1,
    email="reader@example.org",
    name="Reader",
    topics=(Topic(name="rehearsals", authors=("Emmy Noether",)),),
    token="rehearsal",
)

#: One issue with everything, one with nothing but a note.
ISSUES = (
    Issue(
        id=1,
        subscriber_id=1,
        due_at=AT,
        from_pass=0,
        to_pass=1,
        considered=2,
        matched=2,
        shown=(
            Match(paper_id=_RICH.id, topic="rehearsals", score=90.0, because=("card",)),
            Match(paper_id=_BARE.id, topic="rehearsals", score=80.0),
        ),
        left_out=(Match(paper_id=_BARE.id, topic="rehearsals", score=70.0),),
        trending=(_RICH.id,),
        revised=(_RICH.id,),
        note="A note.",
    ),
    Issue(subscriber_id=1, due_at=AT, from_pass=0, to_pass=1, note="Nothing today."),
)
