"""A preview is the mail that would go out, and leaves no trace."""

from sqlalchemy import func, select

from digest.compose.message import Composer
from digest.links import Links
from digest.models import Delivery, Message, Site
from digest.pipeline.compose import compose
from digest.pipeline.preview import preview
from digest.pipeline.render import Renderer
from digest.storage import outbox
from digest.storage.database import Database
from digest.storage.tables import metadata
from tests.make import NOW, make_paper, make_subscriber, make_topic
from tests.pipeline.steps import announce, at, subscribe

composer = Composer(
    Site(name="digest", sender="digest <digest@papers.dev>", domain="papers.dev"), Links(None, ["key"])
)


async def rows(db: Database) -> dict[str, int]:
    async with db.read() as conn:
        return {
            table.name: int(await conn.scalar(select(func.count()).select_from(table)) or 0)
            for table in metadata.sorted_tables
        }


async def rendered(db: Database) -> Message:
    async with db.write() as conn:
        claim = await outbox.claim(conn, worker="w", now=NOW, limit=10)
    deliveries: tuple[Delivery, ...] = claim.ready
    [message] = (await Renderer(db, composer, key="key", domain="papers.dev")(deliveries)).values()
    assert isinstance(message, Message)
    return message


async def test_preview_marks_nothing(db: Database) -> None:
    reader = await subscribe(db)
    await announce(db, make_paper(1, title="language models"))
    before = await rows(db)
    shown = await preview(db, reader, composer, NOW)
    assert [match.paper_id for match in shown.issue.shown] == ["arxiv:2604.00001"]
    assert await rows(db) == before


async def test_preview_and_mail_have_the_same_parts(db: Database) -> None:
    reader = await subscribe(db)
    await announce(db, make_paper(1, title="language models"), make_paper(2, title="models of language"))
    shown = await preview(db, reader, composer, NOW)
    await compose(db, clock=at(NOW))
    message = await rendered(db)
    assert (message.text, message.html) == (shown.message.text, shown.message.html)


async def test_preview_by_topic_needs_no_subscriber(db: Database) -> None:
    await announce(
        db, make_paper(1, title="language models"), make_paper(2, title="black holes", abstract="")
    )
    nobody = make_subscriber(0, email="", topics=(make_topic("black holes"),), cut=10.0)
    shown = await preview(db, nobody, composer, NOW, days=7)
    document = shown.to_json()
    assert document["email"] is None
    assert [paper["id"] for paper in document["papers"]] == ["arxiv:2604.00002"]
    assert document["considered"] == 2


async def test_preview_with_nothing_has_no_subject_and_says_why(db: Database) -> None:
    reader = await subscribe(db, cut=99.0)
    await announce(db, make_paper(1, title="black holes", abstract=""))
    document = (await preview(db, reader, composer, NOW)).to_json()
    assert document["subject"] is None
    assert document["note"].startswith("1 new paper, best score")
