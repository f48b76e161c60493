"""Judge a soak by the ledger and by what the mail server took."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from digest.storage.database import Database
from digest.storage.tables import deliveries, issues

#: Ends of a delivery after which the reader has the mail, or may have it.
_HAS_IT = ("sent", "uncertain")


@dataclass
class Verdict:
    """Counts, and each fault in words."""

    issues: int = 0
    mailed: int = 0
    states: Counter[str] = field(default_factory=Counter)
    resent: int = 0
    twice: int = 0  # mails that the server took more than once
    faults: list[str] = field(default_factory=list)


async def judge(db: Database, taken: Mapping[str, int], ended_at: datetime) -> Verdict:
    """At most one issue a due time, no paper twice, nothing lost, no mail without a row.

    What was composed in the last hours before the end may wait in the outbox: the next start sends it.
    """
    async with db.read() as conn:
        rows = [dict(row._mapping) for row in await conn.execute(_QUERY)]
    verdict = Verdict(issues=len(rows), mailed=sum(taken.values()))
    verdict.states.update(row["state"] or "quiet" for row in rows)
    verdict.resent = sum(row["resends"] or 0 for row in rows)
    verdict.twice = sum(number - 1 for number in taken.values())
    by_reader: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_reader[row["subscriber_id"]].append(row)
    for reader, mine in by_reader.items():
        verdict.faults += _once(reader, mine) + _papers(reader, mine) + _windows(reader, mine)
    verdict.faults += _mails(rows, taken, ended_at - timedelta(hours=6))
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
        deliveries.c.uncertain_at,
        deliveries.c.message_id,
    )
    .select_from(issues.outerjoin(deliveries, deliveries.c.issue_id == issues.c.id))
    .order_by(issues.c.subscriber_id, issues.c.due_at)
)


def _once(reader: int, mine: list[dict[str, Any]]) -> list[str]:
    due = Counter(row["due_at"] for row in mine)
    return [f"reader {reader}: {number} issues for {at}" for at, number in due.items() if number > 1]


def _papers(reader: int, mine: list[dict[str, Any]]) -> list[str]:
    seen = Counter(
        paper
        for row in mine
        if row["state"] in _HAS_IT
        for paper in {*(match[0] for match in row["shown"]), *row["trending"]}
    )
    return [f"reader {reader}: {paper} in {number} issues" for paper, number in seen.items() if number > 1]


def _windows(reader: int, mine: list[dict[str, Any]]) -> list[str]:
    """Windows follow each other without a gap; that of a replaced issue counts again."""
    faults, last = [], None
    for row in mine:
        if last is not None and row["from_pass"] != last:
            faults.append(
                f"reader {reader}: window begins at {row['from_pass']}, the last one ended at {last}"
            )
        replaced = row["state"] == "expired" and (row["reply"] or "").startswith("replaced")
        last = row["from_pass"] if replaced else row["to_pass"]
    return faults


def _mails(rows: list[dict[str, Any]], taken: Mapping[str, int], before: datetime) -> list[str]:
    """Every sent row was taken by the server; taken twice only where the ledger had a doubt."""
    faults = []
    known = {row["message_id"]: row for row in rows if row["message_id"]}
    for row in rows:
        if row["state"] == "sent" and row["message_id"] not in taken:
            faults.append(f"issue {row['id']}: sent by the ledger, never taken by the server")
        if row["state"] in ("pending", "deferred", "claimed", "data") and row["created_at"] < before:
            faults.append(f"issue {row['id']}: still {row['state']} at the end")
    for message_id, number in taken.items():
        row = known.get(message_id)
        if row is None:
            faults.append(f"{message_id}: a mail without a row")
        elif number > 1 and number > 1 + row["resends"]:
            faults.append(f"issue {row['id']}: taken {number} times, resent {row['resends']} times")
    return faults
