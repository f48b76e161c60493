"""A withdrawn paper is never mailed, also if its authors withdraw it while the mail waits."""

from collections.abc import Sequence

import pytest
from sqlalchemy import update

from digest.compose.message import Composer
from digest.errors import DigestError
from digest.links import Links
from digest.models import Delivery, Message
from digest.pipeline.compose import compose
from digest.pipeline.render import Renderer
from digest.storage import outbox, passes
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


async def withdraw(db: Database, *numbers: int, over: bool = True) -> None:
    """A pass that withdraws papers; not `over`: it goes on."""
    ids = [make_paper(number).id for number in numbers]
    async with db.write() as conn:
        number = await passes.start(conn, NOW)
        await conn.execute(update(papers).where(papers.c.id.in_(ids)).values(withdrawn=True))
        if over:
            await passes.commit(conn, number, NOW, {})


def make_renderer(db: Database) -> Renderer:
    return Renderer(
        db, Composer(make_site(), Links("https://papers.dev", ["key"])), key="key", domain="x.dev"
    )


async def claim(db: Database) -> Sequence[Delivery]:
    async with db.write() as conn:
        return (await outbox.claim(conn, worker="w", now=NOW, limit=10)).ready


async def render(db: Database) -> Message | DigestError:
    [rendered] = (await make_renderer(db)(await claim(db))).values()
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


@pytest.mark.parametrize("over", [True, False])
async def test_paper_withdrawn_between_two_batches_is_left_out_of_the_second(
    db: Database, over: bool
) -> None:
    for number in (1, 2):
        await subscribe(db, number)
    await announce(
        db, make_paper(0, title="Small language models"), make_paper(1, title="Old language models of bees")
    )
    await compose(db, clock=at(NOW))
    first, second = await claim(db)
    renderer = make_renderer(db)
    before = (await renderer([first]))[first.id]
    await withdraw(db, 1, over=over)
    after = (await renderer([second]))[second.id]
    assert isinstance(before, Message)
    assert b"bees" in before.raw
    assert isinstance(after, Message)
    assert b"bees" not in after.raw
