"""A withdrawn paper is never mailed, also if its authors withdraw it while the mail waits."""

import pytest
from sqlalchemy import update

from digest.compose.message import Composer
from digest.errors import DigestError
from digest.links import Links
from digest.models import Message
from digest.pipeline.compose import compose
from digest.pipeline.render import Renderer
from digest.storage import outbox
from digest.storage.database import Database
from digest.storage.tables import papers
from tests.make import NOW, make_paper, make_site
from tests.pipeline.steps import announce, at, subscribe


@pytest.fixture
async def waiting(db: Database) -> Database:
    """One mail with two papers waits in the outbox."""
    await subscribe(db)
    names = ("Small language models", "Old language models of bees")
    await announce(db, *(make_paper(number, title=name) for number, name in enumerate(names)))
    await compose(db, clock=at(NOW))
    return db


async def withdraw(db: Database, *numbers: int) -> None:
    ids = [make_paper(number).id for number in numbers]
    async with db.write() as conn:
        await conn.execute(update(papers).where(papers.c.id.in_(ids)).values(withdrawn=True))


async def render(db: Database) -> Message | DigestError:
    composer = Composer(make_site(), Links("https://papers.dev", ["key"]))
    async with db.write() as conn:
        claim = await outbox.claim(conn, worker="w", now=NOW, limit=10)
    [rendered] = (await Renderer(db, composer, key="key", domain="papers.dev")(claim.ready)).values()
    return rendered


async def test_paper_withdrawn_while_the_mail_waits_is_left_out(waiting: Database) -> None:
    await withdraw(waiting, 1)
    message = await render(waiting)
    assert isinstance(message, Message)
    assert b"Small language models" in message.raw
    assert b"bees" not in message.raw


async def test_mail_of_withdrawn_papers_alone_stays(waiting: Database) -> None:
    await withdraw(waiting, 0, 1)
    assert "withdrawn before it left" in str(await render(waiting))
