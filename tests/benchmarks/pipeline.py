"""From the ledger to the wire: claim, compose by cards, sign off, send, settle, all in one process.

    python -m tests.benchmarks.pipeline [--subscribers 2000] [--papers 19] [--rounds 3]

Subscribers with a frozen issue of 19 papers each of the recorded day, 80 kB; SQLite with synchronous=FULL.
Printed are medians of messages a second, the ratio to `smtp-source -s 4 -d` with messages of the same size
in the same round, and the client's CPU time a message. Needs Debian's postfix; nothing leaves 127.0.0.1.
"""

import argparse
import asyncio
import statistics
from collections.abc import Sequence

import structlog
from sqlalchemy import insert

from digest.compose.message import Composer
from digest.deliver.relay import parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.models import DeliveryKind, Paper, Subscriber
from digest.pipeline.deliver import deliver
from digest.pipeline.render import Renderer
from digest.pipeline.workers import worker_name
from digest.storage import issues, outbox
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from digest.storage.tables import papers, subscribers
from tests.benchmarks.compose import LINKS, SITE, Work, frozen
from tests.benchmarks.deliver import fresh_database, sink, source, syncs_a_second, timed
from tests.deliver.scene import row
from tests.make import NOW, recorded_papers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subscribers", type=int, default=2000)
    parser.add_argument("--papers", type=int, default=19, help="of each issue")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    known = recorded_papers()
    work = frozen(known, options.subscribers, options.papers)
    size = mean_size(known, work)
    print(f"disk: {syncs_a_second():,.0f} x 4 KiB write + fdatasync a second")
    rounds = [one_round(known, work, size, options.connections) for _ in range(options.rounds)]
    reference, rate, ratio, cpu = (statistics.median(values) for values in zip(*rounds, strict=True))
    print(f"{len(work)} messages of {size / 1000:.0f} kB (mean), {options.connections} connections")
    print(f"  smtp-source -s 4 -d   {reference:>8,.0f}/s")
    print(f"  digest, whole pass    {rate:>8,.0f}/s   ratio {ratio:.2f}   {cpu:,.0f} us CPU/message")


def mean_size(known: Sequence[Paper], work: Work) -> int:
    composer, by_id = Composer(SITE, LINKS), {paper.id: paper for paper in known}
    few = work[:100]
    raws = [
        composer.message(issue, reader, by_id, message_id="<x@papers.dev>", created_at=NOW).raw
        for issue, reader in few
    ]
    return sum(map(len, raws)) // len(few)


def one_round(
    known: Sequence[Paper], work: Work, size: int, connections: int
) -> tuple[float, float, float, float]:
    reference, _ = source(len(work), size)
    with fresh_database(None) as url, sink() as port:
        upgrade(url)
        asyncio.run(fill(url, known, work))
        rate, cpu = timed(len(work), lambda: asyncio.run(whole_pass(url, port, connections, len(work))))
    return reference, rate, rate / reference, cpu


async def fill(url: str, known: Sequence[Paper], work: Work) -> None:
    """What composing left behind: papers, readers, frozen issues, an outbox."""
    db = Database(url)
    async with db.write() as conn:
        await conn.execute(
            insert(papers), [stored(number, paper) for number, paper in enumerate(known, start=1)]
        )
        await conn.execute(insert(subscribers), [reader_row(reader) for _, reader in work])
        ids = await issues.record(conn, [issue for issue, _ in work], NOW)
        rows = [
            outbox.new_row(
                kind=DeliveryKind.ISSUE,
                email=reader.email,
                due_at=NOW,
                now=NOW,
                issue_id=number,
                subscriber_id=reader.id,
            )
            for number, (_, reader) in zip(ids, work, strict=True)
        ]
        await outbox.enqueue_all(conn, rows)
    await db.close()


def stored(number: int, paper: Paper) -> dict[str, object]:
    fields = {name: getattr(paper, name) for name in paper.__dataclass_fields__ if name in papers.c}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    return row(papers, number=number, **{name: value for name, value in listed.items() if value is not None})


def reader_row(reader: Subscriber) -> dict[str, object]:
    identity = {"id": reader.id, "email": reader.email, "address": reader.email, "token": reader.token}
    return row(subscribers, status="active", at="07:30", zone="UTC", **identity)


async def whole_pass(url: str, port: int, connections: int, count: int) -> None:
    db = Database(url)
    transport = SmtpTransport(parse_relay(f"smtp://127.0.0.1:{port}"), connections=connections)
    report = await deliver(
        db,
        transport,
        Renderer(db, Composer(SITE, LINKS), key="key", domain="papers.dev"),
        clock=lambda: NOW,
        worker=worker_name(),
        return_path=lambda _: "bounces@papers.dev",
    )
    await transport.close()
    await db.close()
    assert (report.sent, report.balanced) == (count, True), report


if __name__ == "__main__":
    main()
