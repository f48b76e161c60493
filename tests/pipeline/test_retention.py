"""What is old goes; who was sent what, who must not be mailed and what teaches a topic stays."""

from datetime import timedelta

from sqlalchemy import Table, func, insert, select

from digest.models import DeliveryState
from digest.pipeline.compose import compose
from digest.pipeline.retention import Kept, clean_up
from digest.storage import papers
from digest.storage.database import Database
from digest.storage.suppressions import suppress, suppressed_for
from digest.storage.tables import bounces, deliveries, issues, mailed, passes, strays, votes
from tests.make import NOW, make_paper, make_topic
from tests.pipeline.steps import announce, at, issue_of, send_all, shown, subscribe

MONTH = timedelta(days=40)
KEPT = Kept(issues=MONTH, papers=MONTH, events=MONTH)
MUCH_LATER = NOW + timedelta(days=60)


async def count(db: Database, table: Table) -> int:
    async with db.read() as conn:
        return int(await conn.scalar(select(func.count()).select_from(table)) or 0)


async def stored(db: Database, *numbers: int) -> list[int]:
    ids = {number: f"arxiv:2604.{number:05d}" for number in numbers}
    async with db.read() as conn:
        found = await papers.by_ids(conn, ids.values())
    return [number for number, paper_id in ids.items() if paper_id in found]


async def old_issue(db: Database, **fields):
    reader = await subscribe(db, **fields)
    await announce(
        db, make_paper(1, title="language models"), make_paper(2, title="black holes", abstract="")
    )
    await compose(db, clock=at(NOW))
    return reader


async def test_old_issues_go_and_their_papers_are_never_mailed_again(db: Database) -> None:
    reader = await old_issue(db)
    await send_all(db)
    report = await clean_up(db, KEPT, MUCH_LATER)
    assert (report.issues, await count(db, issues), await count(db, deliveries)) == (1, 0, 0)
    assert await count(db, mailed) == 1
    await announce(db, make_paper(3, title="language models again"), when=MUCH_LATER)
    await compose(db, clock=at(MUCH_LATER))
    assert shown(await issue_of(db, reader)) == ["arxiv:2604.00003"]


async def test_issue_that_waits_to_be_sent_stays(db: Database) -> None:
    await old_issue(db)
    assert (await clean_up(db, KEPT, MUCH_LATER)).issues == 0


async def test_doubtful_delivery_stays_until_it_is_resolved(db: Database) -> None:
    await old_issue(db)
    async with db.write() as conn:
        await conn.execute(deliveries.update().values(state=DeliveryState.UNCERTAIN.value))
    assert (await clean_up(db, KEPT, MUCH_LATER)).issues == 0


async def test_old_papers_go_but_for_those_that_were_mailed_or_teach(db: Database) -> None:
    reader = await old_issue(db, topics=(make_topic(liked=("2604.00004",)),))
    await announce(db, *(make_paper(number, title="gardens", abstract="") for number in (3, 4, 5)))
    async with db.write() as conn:
        number = (await papers.numbers(conn, ["2604.00005"]))["2604.00005"]
        row = {"subscriber_id": reader.id, "paper": number, "value": 1, "voted_at": NOW}
        await conn.execute(insert(votes).values(row))
    await send_all(db)
    await clean_up(db, KEPT, MUCH_LATER)
    assert await stored(db, 1, 2, 3, 4, 5) == [1, 4, 5]


async def test_mailed_paper_keeps_its_id_and_loses_its_text(db: Database) -> None:
    await old_issue(db)
    await send_all(db)
    await clean_up(db, KEPT, MUCH_LATER)
    async with db.read() as conn:
        found = (await papers.by_ids(conn, ["2604.00001"]))["2604.00001"]
    assert (found.title, found.abstract) == ("language models", "")


async def test_newest_pass_stays_and_numbers_go_on(db: Database) -> None:
    for day in range(4):
        await announce(db, when=NOW + timedelta(days=day))
    report = await clean_up(db, KEPT, MUCH_LATER)
    assert (report.passes, await count(db, passes)) == (3, 1)
    assert await announce(db, when=MUCH_LATER) == 5


async def test_old_bounces_go_and_their_suppression_stays(db: Database) -> None:
    async with db.write() as conn:
        row = {"key": "k", "address_hash": "h", "kind": "hard", "status": "5.1.1", "received_at": NOW}
        await conn.execute(insert(bounces).values(row))
        await conn.execute(insert(strays).values(key="k", raw=b"?", received_at=NOW))
        await suppress(conn, "gone@papers.dev", "hard bounce", NOW)
    assert (await clean_up(db, KEPT, MUCH_LATER)).bounces == 2
    async with db.read() as conn:
        assert await suppressed_for(conn, "gone@papers.dev") == "hard bounce"


async def test_suppressions_stay_for_ever(db: Database) -> None:
    async with db.write() as conn:
        await suppress(conn, "gone@papers.dev", "complaint", NOW)
    await clean_up(db, KEPT, NOW + timedelta(days=4000))
    async with db.read() as conn:
        assert await suppressed_for(conn, "gone@papers.dev") == "complaint"


async def test_without_settings_nothing_goes(db: Database) -> None:
    await old_issue(db)
    await send_all(db)
    assert (await clean_up(db, Kept(), MUCH_LATER)).total == 0
