"""A scene for delivery: readers with an issue each in the outbox, and a transport that follows a script."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, Table, insert, select

from digest.deliver.transport import Envelope, Transport
from digest.errors import DigestError
from digest.models import Delivery, DeliveryKind, Message, Outcome, Verdict
from digest.pipeline.deliver import deliver
from digest.pipeline.delivery_report import DeliveryReport
from digest.pipeline.workers import worker_name
from digest.storage import outbox
from digest.storage.database import Database
from digest.storage.tables import UtcDateTime, deliveries, issues, mailed, papers, subscribers
from tests.make import NOW

LATER = NOW + timedelta(days=1)
PAPER = "arxiv:2604.00001"


class ScriptedTransport:
    """Accepts everything but what the script says; remembers the recipients in order."""

    name = "scripted:25"
    carries_utf8 = None

    def __init__(
        self,
        script: Mapping[str, Outcome] | None = None,
        concurrency: int = 4,
        rate: float | None = None,
    ) -> None:
        self.rate = rate
        self.script = script or {}
        self.concurrency = self.allowed = concurrency
        self.recipients: list[str] = []
        self.message_ids: list[bytes] = []

    async def send(self, envelope: Envelope) -> Outcome:
        await asyncio.sleep(0)
        self.recipients.append(envelope.recipient)
        self.message_ids.append(envelope.raw.split(b"\r\n", 1)[0])
        return self.script.get(
            envelope.recipient, Outcome(verdict=Verdict.ACCEPTED, stage="dot", reply="2.0.0 Ok")
        )

    def withdraw(self) -> None:
        """What it was given is at the server already."""

    async def close(self) -> None:
        """Holds nothing."""


async def add_readers(db: Database, count: int, *, start: int = 0) -> None:
    """Readers with one frozen issue of one reserved paper each, due NOW."""
    numbers = range(start, start + count)
    async with db.write() as conn:
        if start == 0:
            await conn.execute(insert(papers).values(row(papers, number=1, id=PAPER)))
        await conn.execute(insert(subscribers), [reader(number) for number in numbers])
        await conn.execute(insert(issues), [issue(number) for number in numbers])
        await conn.execute(insert(mailed), [{"subscriber_id": n + 1, "paper": 1} for n in numbers])
        rows = [
            outbox.new_row(
                kind=DeliveryKind.ISSUE,
                email=f"reader{n}@papers.dev",
                due_at=NOW,
                now=NOW,
                issue_id=n + 1,
                subscriber_id=n + 1,
            )
            for n in numbers
        ]
        await outbox.enqueue_all(conn, rows)


def reader(number: int) -> dict[str, Any]:
    email = f"reader{number}@papers.dev"
    identity = {"id": number + 1, "email": email, "address": email, "token": f"token{number}"}
    schedule = {"at": "07:30", "zone": "UTC", "next_issue_at": LATER}
    return row(subscribers, status="active", **identity, **schedule)


def issue(number: int) -> dict[str, Any]:
    shown = [[PAPER, "topic", 90.0, ["word"]]]
    return row(issues, id=number + 1, subscriber_id=number + 1, due_at=NOW, shown=shown)


def row(table: Table, **values: Any) -> dict[str, Any]:
    """A row whose other required columns hold empty values of their type."""
    required = {column.name: column.type for column in table.c if not column.nullable and column.name != "id"}
    return {name: _empty(kind) for name, kind in required.items() if name not in values} | values


def _empty(kind: Any) -> Any:
    if isinstance(kind, JSON):
        return []
    return NOW if isinstance(kind, UtcDateTime) else kind.python_type()


async def render(batch: Sequence[Delivery]) -> dict[int, Message | DigestError]:
    """One small message a delivery, with a Message-ID that follows from the delivery."""
    return {delivery.id: message(delivery) for delivery in batch}


def message(delivery: Delivery) -> Message:
    message_id = f"<{delivery.id}.digest@papers.dev>"
    raw = (
        f"Message-ID: {message_id}\r\nFrom: digest@papers.dev\r\nTo: {delivery.email}\r\n"
        f"Subject: Papers\r\nContent-Type: text/html\r\n\r\n.\r\nHello\r\n"
    )
    return Message(message_id=message_id, subject="Papers", raw=raw.encode())


async def run(db: Database, transport: Transport, **options: Any) -> DeliveryReport:
    """One run at NOW, or at `clock`."""
    defaults: dict[str, Any] = {
        "clock": lambda: NOW,
        "worker": worker_name(),
        "return_path": lambda _: "bounces@papers.dev",
    }
    return await deliver(db, transport, options.pop("render", render), **defaults | options)


async def ledger(db: Database) -> dict[str, str]:
    """Address -> state of every delivery."""
    async with db.read() as conn:
        rows = await conn.execute(select(deliveries.c.email, deliveries.c.state))
        return {row.email: row.state for row in rows}
