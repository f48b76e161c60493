"""Who is forgotten is in no table any more: only the hash that keeps the address from coming back."""

from sqlalchemy import insert, select

from digest.models import DeliveryKind
from digest.pipeline import leaving
from digest.storage import bounces as intake
from digest.storage import outbox
from digest.storage.database import Database
from digest.storage.suppressions import address_hash
from digest.storage.tables import bounces, metadata
from tests.make import NOW, make_topic
from tests.pipeline.steps import subscribe

EMAIL = "Reader1@papers.dev"


async def everything(db: Database) -> dict[str, str]:
    """The rows of every table, as text."""
    async with db.read() as conn:
        return {
            table.name: str((await conn.execute(select(table))).all()).lower()
            for table in metadata.sorted_tables
        }


async def leave_traces(db: Database) -> None:
    """A reader, a letter that belongs to no reader, a bounce, and a mail that nobody could match."""
    await subscribe(db, email=EMAIL, name="Ada Secret", topics=(make_topic("zebrafish"),))
    hashed = address_hash(EMAIL)
    row = {"key": "k", "address_hash": hashed, "kind": "soft", "status": "4.2.2", "received_at": NOW}
    async with db.write() as conn:
        await outbox.enqueue(conn, kind=DeliveryKind.CONFIRMATION, email=EMAIL, due_at=NOW, now=NOW)
        await conn.execute(insert(bounces).values(row))
        await intake.keep_stray(conn, "mine", b"To: READER1@papers.dev\r\n\r\nHello", NOW)
        await intake.keep_stray(conn, "other", b"To: other@papers.dev\r\n\r\nHello", NOW)


async def test_forgotten_address_is_in_no_table(db: Database) -> None:
    await leave_traces(db)
    async with db.write() as conn:
        await leaving.erase(conn, "reader1@PAPERS.dev", NOW)
    found = await everything(db)
    assert not [name for name, rows in found.items() if "reader1@" in rows or "zebrafish" in rows]
    hashed = address_hash(EMAIL)
    assert [name for name, rows in found.items() if hashed in rows] == ["suppressions"]
    assert "other@papers.dev" in found["strays"]
