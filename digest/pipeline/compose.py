"""The second step of a pass: freeze the issues that are due.

due subscribers ─window, rank→ matches ─freeze→ issues ─one transaction a batch→ stored, with their deliveries

An issue whose sources have not published today waits (`late`); those of a catch-up leave spread (`pacing`).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.compose.freeze import freeze, ids_of
from digest.match.variety import choose_varied, drop_twins
from digest.models import DeliveryKind, Issue, Match, Subscriber, Topic
from digest.pipeline import late, pacing, vectors
from digest.pipeline.alone import one_by_one
from digest.pipeline.compose_report import ComposeReport
from digest.pipeline.window import (
    Reading,
    Readings,
    explain_shown,
    first_pass,
    rank_enough,
)
from digest.schedule import next_due
from digest.storage import claims, facts, issues, outbox, papers, passes, subscribers
from digest.storage.batches import Batch, batches
from digest.storage.database import Database, chunks

Clock = Callable[[], datetime]

#: Subscribers a transaction: few enough to hold no lock for long.
BATCH = 200

#: Subscribers that one transaction claims for jobs; those that are claimed at a time; how long a claim lasts.
CLAIMED, AHEAD, CLAIM_LASTS = 5_000, 100_000, timedelta(hours=1)

#: An issue that a fault of ours keeps from being made is tried again after this.
BROKEN_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What the batches of one composing share."""

    patience: timedelta
    late: tuple[Batch, ...] = ()
    spread: timedelta = timedelta()
    readings: Readings = field(default_factory=Readings)


async def compose(
    db: Database, *, clock: Clock, patience: timedelta = timedelta(), spread: bool = False
) -> ComposeReport:
    """Freeze the issue of every active subscriber whose time has come, in batches.

    `patience` is how long an issue waits for a late batch of its sources; `spread`: a catch-up leaves over
    a span of time. Without them everything leaves at once.
    """
    report, now = ComposeReport(), clock()
    async with db.write() as conn:
        this = _Round(
            patience=patience,
            late=await _late(conn, now) if patience else (),
            spread=await _span(conn, now) if spread else timedelta(),
        )
    while True:
        now = clock()
        done = await _compose(db, await _take_due(db, now), this, now)
        report += done
        if done == ComposeReport():  # nobody is due, or another pass serves them
            return report


async def compose_claimed(
    db: Database,
    ids: Sequence[int],
    *,
    clock: Clock,
    patience: timedelta,
    spread: timedelta,
    readings: Readings,
) -> ComposeReport:
    """The same for one batch of claimed subscribers, whoever of them is still due; then the claims end.

    `readings` are the windows that the batches of one process share.
    """
    now = clock()
    async with db.read() as conn:
        awaited = late.awaited(await batches(conn, late.CALENDARS), now) if patience else ()
    this = _Round(patience=patience, late=tuple(awaited), spread=spread, readings=readings)
    done = await _compose(db, await _take_due(db, now, ids), this, now)
    async with db.write() as conn:
        await claims.end_claims(conn, ids)
    return done


async def claim_batches(
    db: Database,
    defer: Callable[[AsyncConnection, Sequence[Sequence[int]], timedelta], Awaitable[None]],
    *,
    clock: Clock,
    patience: timedelta,
) -> int:
    """Claim whoever is due and hand batches of ids to `defer`, in the same transaction; gives how many.

    No statement here grows with the number of subscribers: a round claims CLAIMED at most, and not more
    than AHEAD are claimed at a time, so that a claim is composed long before it would expire.
    """
    total, now = 0, clock()
    async with db.write() as conn:
        if patience:
            await _late(conn, now)
        spread = await _span(conn, now)
        await claims.end_expired(conn, now, AHEAD)
        room = AHEAD - await claims.count_claimed(conn, AHEAD)
    while room > 0:
        async with db.write() as conn:
            ids = await claims.claim_due(conn, clock(), clock() + CLAIM_LASTS, min(room, CLAIMED))
            await defer(conn, list(chunks(ids, BATCH)), spread)
        total, room = total + len(ids), room - len(ids)
        if len(ids) < CLAIMED:
            break
    return total


async def _compose(db: Database, due: Sequence[Subscriber], this: _Round, now: datetime) -> ComposeReport:
    waiting, going = _divide(due, this, now)
    async with db.read() as conn:
        frozen, broken = await one_by_one(partial(_freeze_all, conn, this=this, now=now), going)
    await vectors.keep(db, now)
    put_off = [_until(reader, now + BROKEN_FOR, now) for reader in broken]
    return await _record(db, frozen, waiting, put_off, this, now)


async def _late(conn: AsyncConnection, now: datetime) -> tuple[Batch, ...]:
    """The sources that are awaited; when they change, whoever waits is looked at again."""
    awaited = late.awaited(await batches(conn, late.CALENDARS), now)
    names = [batch.name for batch in awaited]
    if names != (await facts.fact(conn, "awaited") or []):
        await facts.keep(conn, "awaited", names, now)
        await subscribers.release(conn)
    return awaited


async def _span(conn: AsyncConnection, now: datetime) -> timedelta:
    return pacing.span(await subscribers.count_due(conn, now - pacing.OVERDUE, pacing.ENOUGH))


def _divide(
    due: Sequence[Subscriber], this: _Round, now: datetime
) -> tuple[list[dict[str, Any]], list[Subscriber]]:
    """Who waits, as rows of `subscribers.hold`, and whose issue is made now."""
    waits = {reader.id: late.waits_until(reader, this.late, now, this.patience) for reader in due}
    waiting = [_until(reader, until, now) for reader in due if (until := waits[reader.id])]
    return waiting, [reader for reader in due if not waits[reader.id]]


def _until(reader: Subscriber, until: datetime, now: datetime) -> dict[str, Any]:
    return {"b_id": reader.id, "until": until, "since": late.due_at(reader, now)}


async def compose_extra(db: Database, subscriber: Subscriber, *, clock: Clock) -> Issue:
    """An issue outside the schedule, enqueued at once; the schedule and its window stay as they are."""
    now = clock()
    async with db.read() as conn:
        extra = replace(subscriber, next_issue_at=now, waiting_since=None)
        [(_, issue)] = await _freeze_all(conn, [extra], _Round(patience=timedelta()), now)
    if issue.is_empty:
        return issue
    async with db.write() as conn:
        [issue_id] = await _store(conn, [(subscriber, issue)], now, timedelta())
    return replace(issue, id=issue_id)


async def _take_due(db: Database, now: datetime, ids: Sequence[int] | None = None) -> list[Subscriber]:
    """Who is due (of `ids`); what was not sent to them yet is merged into the issue to come."""
    async with db.write() as conn:
        due = await _due(conn, now, ids)
        ended = await outbox.replace_open(conn, [subscriber.id for subscriber in due], now)
        if not ended:
            return due
        await subscribers.rewind(conn, (await issues.by_ids(conn, ended)).values())
        return await _due(conn, now, ids)


async def _due(conn: AsyncConnection, now: datetime, ids: Sequence[int] | None) -> list[Subscriber]:
    if ids is None:
        return await subscribers.due(conn, now, BATCH)
    return await subscribers.due_among(conn, ids, now)


async def _freeze_all(
    conn: AsyncConnection,
    due: Sequence[Subscriber],
    this: _Round,
    now: datetime,
) -> list[tuple[Subscriber, Issue]]:
    newest = await passes.newest_pass(conn)
    groups: dict[tuple[int, int], list[Subscriber]] = {}
    for subscriber in due:
        groups.setdefault((await first_pass(conn, subscriber, now), newest), []).append(subscriber)
    frozen: list[tuple[Subscriber, Issue]] = []
    for bounds, readers in groups.items():
        reading = await this.readings.get(conn, *bounds, now)
        frozen += await _freeze_group(conn, reading, readers, this, now)
    return frozen


async def _freeze_group(
    conn: AsyncConnection, reading: Reading, readers: Sequence[Subscriber], this: _Round, now: datetime
) -> list[tuple[Subscriber, Issue]]:
    ranked, examples = await rank_enough(conn, reading, readers)
    names = await papers.numbers(conn, _candidates(reading))
    by_number = {number: paper_id for paper_id, number in names.items()}
    taken = await issues.reserved(conn, [reader.id for reader in readers], by_number)
    seen: dict[int, set[str]] = {reader.id: set() for reader in readers}
    for reader_id, number in taken:
        seen[reader_id].add(by_number[number])
    frozen = [
        (reader, freeze_for(reader, reading, ranked, seen[reader.id], this.late, now)) for reader in readers
    ]
    return await explain_shown(reading, frozen, examples)


def _candidates(reading: Reading) -> list[str]:
    return [paper.id for paper in (*reading.window.papers, *reading.revised)]


def freeze_for(
    subscriber: Subscriber,
    reading: Reading,
    ranked: Mapping[Topic, Sequence[Match]],
    seen: Collection[str],
    awaited: Sequence[Batch],
    now: datetime,
) -> Issue:
    """The issue of a reader, without reasons; `seen` was mailed to them, `awaited` is late today."""
    issue = freeze(
        subscriber,
        reading.window,
        [(topic, ranked[topic]) for topic in subscriber.topics],
        due_at=late.due_at(subscriber, now),
        seen=seen,
        hot=reading.hot,
        revised=reading.revised,
        vary=partial(choose_varied, reading.index),
        distinct=partial(drop_twins, reading.index),
    )
    missing = late.missing_note(late.missing_for(subscriber, awaited))
    return replace(issue, note=f"{issue.note} {missing}".strip()) if missing else issue


async def _record(
    db: Database,
    frozen: Sequence[tuple[Subscriber, Issue]],
    waiting: Sequence[Mapping[str, Any]],
    broken: Sequence[Mapping[str, Any]],
    this: _Round,
    now: datetime,
) -> ComposeReport:
    """Write one batch; whoever another pass has served in the meantime is left out."""
    ids = [subscriber.id for subscriber, _ in frozen] + [row["b_id"] for row in (*waiting, *broken)]
    async with db.write() as conn:
        ours = await subscribers.still_due(conn, ids, now)
        kept = [(subscriber, issue) for subscriber, issue in frozen if subscriber.id in ours]
        held, late_by_us = ([row for row in rows if row["b_id"] in ours] for rows in (waiting, broken))
        await _store(conn, kept, now, this.spread)
        await subscribers.move_on(conn, [_moved(subscriber, issue, now) for subscriber, issue in kept])
        await subscribers.hold(conn, [*held, *late_by_us])
    silent = [(subscriber, issue) for subscriber, issue in kept if not _is_mailed(subscriber, issue)]
    return ComposeReport(
        composed=len(kept) - len(silent),
        quiet=len(silent),
        waiting=len(held),
        broken=len(late_by_us),
        topicless=sum(not subscriber.topics for subscriber, _ in silent),
        idle=sum(bool(subscriber.topics) and not issue.considered for subscriber, issue in silent),
    )


async def _store(
    conn: AsyncConnection, frozen: Sequence[tuple[Subscriber, Issue]], now: datetime, spread: timedelta
) -> list[int]:
    ids = await issues.record(conn, [issue for _, issue in frozen], now)
    numbers = await papers.numbers(conn, {paper for _, issue in frozen for paper in ids_of(issue)})
    await issues.reserve(
        conn,
        [(subscriber.id, numbers[paper]) for subscriber, issue in frozen for paper in ids_of(issue)],
    )
    rows = [
        outbox.new_row(
            kind=DeliveryKind.ISSUE,
            email=subscriber.email,
            due_at=pacing.leaves_at(issue.due_at, now, subscriber.id, spread),
            now=now,
            issue_id=issue_id,
            subscriber_id=subscriber.id,
        )
        for (subscriber, issue), issue_id in zip(frozen, ids, strict=True)
        if _is_mailed(subscriber, issue)
    ]
    await outbox.enqueue_all(conn, rows)
    return ids


def _is_mailed(subscriber: Subscriber, issue: Issue) -> bool:
    return not issue.is_empty or subscriber.quiet_note


def _moved(subscriber: Subscriber, issue: Issue, now: datetime) -> dict[str, object]:
    """The next due time counts from now: after an outage there is one issue for the gap, not many.

    Who has followed no topic so far still gets a first issue, of a week, once there is one.
    """
    begun = bool(subscriber.topics) or subscriber.last_pass is not None or _is_mailed(subscriber, issue)
    return {
        "b_id": subscriber.id,
        "next_issue_at": next_due(subscriber.schedule, max(now, issue.due_at)),
        "last_pass": issue.to_pass if begun else None,
    }
