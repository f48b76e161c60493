"""Judge a soak: what the mail server took, held against the ledger and against every reader's schedule."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from digest.models import Schedule, SubscriberStatus
from digest.schedule import next_due
from digest.storage import subscribers
from digest.storage.database import Database
from digest.storage.tables import deliveries, issues
from tests.soak.world import Mail

#: Ends of a delivery after which the reader has the mail, or may have it.
_HAS_IT = ("sent", "uncertain")

#: Ends of a delivery; whatever else is left when nothing is due any more was lost.
_ENDS = ("sent", "failed", "uncertain", "expired", "suppressed", None)


@dataclass
class Verdict:
    """Counts, and each fault in words."""

    issues: int = 0
    mailed: int = 0
    states: Counter[str] = field(default_factory=Counter)
    resent: int = 0
    twice: int = 0  # mails that the server took more than once
    faults: list[str] = field(default_factory=list)


Row = Mapping[str, Any]


#: Events of the log that tell of a fault of ours; what feeds and servers do is no fault.
_BROKEN = re.compile(
    r'"event": "((?:step|compose)\.broken|deliver\.(?:broken|unbalanced)|web\.failed|smtp\.broken)"'
)


async def judge(db: Database, mails: Sequence[Mail], log: str, ended_at: datetime) -> Verdict:
    """One issue for each due time, no paper twice, nothing lost, no mail without a row.

    Nothing is excused: the run went on, in calm weather and with a slow clock, until nothing was due.
    """
    async with db.read() as conn:
        rows = [dict(row._mapping) for row in await conn.execute(_QUERY)]
        readers = {one.subscriber.id: one.subscriber for one in await subscribers.listed(conn)}
    verdict = Verdict(issues=len(rows), mailed=len(mails))
    verdict.states.update(row["state"] or "quiet" for row in rows)
    verdict.resent = sum(row["resends"] or 0 for row in rows)
    taken = Counter(mail.message_id for mail in mails)
    verdict.twice = sum(number - 1 for number in taken.values())
    by_reader: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_reader[row["subscriber_id"]].append(row)
    for number, reader in readers.items():
        mine = by_reader[number]
        verdict.faults += [*_windows(number, mine), *_papers(number, mine)]
        if reader.status is SubscriberStatus.ACTIVE:
            verdict.faults += _due_times(number, reader.schedule, mine, ended_at)
    verdict.faults += [*_mailbox(mails), *_rows(rows, taken), *_contents(rows, mails)]
    verdict.faults += [f"the log tells {number} times of {event}" for event, number in _told(log).items()]
    return verdict


_QUERY = (
    select(
        issues.c.id,
        issues.c.subscriber_id,
        issues.c.due_at,
        issues.c.created_at,
        issues.c.from_pass,
        issues.c.to_pass,
        issues.c.shown,
        issues.c.trending,
        deliveries.c.state,
        deliveries.c.reply,
        deliveries.c.resends,
        deliveries.c.message_id,
    )
    .select_from(issues.outerjoin(deliveries, deliveries.c.issue_id == issues.c.id))
    .order_by(issues.c.subscriber_id, issues.c.due_at)
)


def _told(log: str) -> Counter[str]:
    """What the program says against itself, and whom it took for a restored backup."""
    told = Counter(_BROKEN.findall(log))
    return told + Counter({"a restored backup": log.count("a backup, restored")})


def _due_times(reader: int, schedule: Schedule, mine: Sequence[Row], ended_at: datetime) -> Iterator[str]:
    """One issue for each due time, none twice, none beside them, until the end.

    Due times that passed before an issue was made are its own: there is one issue for a gap.
    """
    promised: datetime | None = None
    for row in mine:
        if promised and row["due_at"] != promised:
            yield f"reader {reader}: an issue for {row['due_at']}, the next one was due {promised}"
        promised = next_due(schedule, max(row["due_at"], row["created_at"]))
    if promised is None or promised <= ended_at:
        yield f"reader {reader}: no issue for {promised or 'the first time'}"


def _windows(reader: int, mine: Sequence[Row]) -> Iterator[str]:
    """Windows follow each other without a gap; that of a replaced issue counts again."""
    last = None
    for row in mine:
        if last is not None and row["from_pass"] != last:
            yield f"reader {reader}: window begins at {row['from_pass']}, the last one ended at {last}"
        replaced = row["state"] == "expired" and (row["reply"] or "").startswith("replaced")
        last = row["from_pass"] if replaced else row["to_pass"]


def _papers(reader: int, mine: Sequence[Row]) -> Iterator[str]:
    seen = Counter(paper for row in mine if row["state"] in _HAS_IT for paper in _papers_of(row))
    yield from (
        f"reader {reader}: {paper} in {number} issues" for paper, number in seen.items() if number > 1
    )


def _papers_of(row: Row) -> set[str]:
    return {*(match[0] for match in row["shown"]), *row["trending"]}


def _mailbox(mails: Sequence[Mail]) -> Iterator[str]:
    """By the mailboxes alone: no paper in two mails to one reader, one reader for each Message-ID."""
    distinct = {(mail.recipient, mail.message_id): mail.papers for mail in mails}
    seen = Counter((who, paper) for (who, _), papers in distinct.items() for paper in papers)
    yield from (f"{who} got {paper} in {number} mails" for (who, paper), number in seen.items() if number > 1)
    owners = Counter(message_id for _, message_id in distinct)
    yield from (
        f"{message_id} went to {number} readers" for message_id, number in owners.items() if number > 1
    )


def _rows(rows: Sequence[Row], taken: Mapping[str, int]) -> Iterator[str]:
    """Every sent row was taken by the server; taken twice only where the ledger had a doubt."""
    known = {row["message_id"]: row for row in rows if row["message_id"]}
    for row in rows:
        if row["state"] == "sent" and row["message_id"] not in taken:
            yield f"issue {row['id']}: sent by the ledger, never taken by the server"
        if row["state"] not in _ENDS:
            yield f"issue {row['id']}: still {row['state']} at the end"
        if row["state"] == "uncertain" and not row["resends"]:
            yield f"issue {row['id']}: in doubt, and was not sent once more"
    for message_id, number in taken.items():
        if message_id not in known:
            yield f"{message_id}: a mail without a row"
        elif number > 1 + known[message_id]["resends"]:
            yield f"{message_id}: taken {number} times, resent {known[message_id]['resends']} times"


def _contents(rows: Sequence[Row], mails: Sequence[Mail]) -> Iterator[str]:
    """A mail holds the papers of its issue, each of them and no other."""
    frozen = {row["message_id"]: _papers_of(row) for row in rows if row["message_id"]}
    for mail in mails:
        if set(mail.papers) != frozen.get(mail.message_id, set(mail.papers)):
            yield f"{mail.message_id}: holds other papers than its issue"
