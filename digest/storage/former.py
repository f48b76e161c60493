"""Papers as they were before a pass changed them, while a mail may still have to show them so.

A frozen issue names its papers by id, and the same mail may have to leave twice: after a refusal for now, or
after doubt. So whatever a mail shows of a paper is kept when it is written over, with the number of the last
issue that knew it. Mostly nothing is kept: passes meet an empty outbox.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Paper
from digest.storage.database import chunks
from digest.storage.tables import deliveries, issues
from digest.storage.tables_running import former_papers

#: Longer than any delivery is tried.
KEPT_FOR = timedelta(days=5)

_SHOWN = ("id", "title", "abstract", "url", "doi", "version", "venue", "comment", "votes")
_LISTS = ("authors", "categories")

#: Literal, so that SQLite takes its partial indexes.
_UNSETTLED = tuple(
    text(f"deliveries.state {states}")
    for states in ("IN ('pending', 'deferred')", "IN ('claimed', 'data')", "= 'uncertain'")
)


class Former:
    """What was kept of some papers; knows how each was when an issue was frozen."""

    def __init__(self, rows: Iterable[tuple[str, int, Mapping[str, Any]]] = ()) -> None:
        """Rows of id, last issue and content, the oldest change first."""
        self._kept: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        for paper_id, until_issue, content in rows:
            self._kept.setdefault(paper_id, []).append((until_issue, content))

    def of_issue(self, issue_id: int, papers: Mapping[str, Paper]) -> Mapping[str, Paper]:
        """The papers as they were when the issue was frozen; `papers` holds them as they are now."""
        if not self._kept:
            return papers
        return {asked: self._paper(issue_id, asked, paper) for asked, paper in papers.items()}

    def _paper(self, issue_id: int, asked: str, now: Paper) -> Paper:
        for until_issue, content in self._kept.get(asked, ()):
            if until_issue >= issue_id:
                return _restored(now, content)
        return now


async def keep(conn: AsyncConnection, changes: Mapping[str, tuple[Paper, Paper]], now: datetime) -> None:
    """Keep papers (by id: before, after) whose looks change in this transaction, if a mail may need them."""
    old = [before for before, after in changes.values() if _content(before) != _content(after)]
    if not old or not await _is_needed(conn):
        return
    newest = int(await conn.scalar(select(func.max(issues.c.id))) or 0)
    await conn.execute(delete(former_papers).where(former_papers.c.replaced_at < now - KEPT_FOR))
    rows = [
        {"id": paper.id, "until_issue": newest, "content": _content(paper), "replaced_at": now}
        for paper in old
    ]
    await conn.execute(insert(former_papers), rows)


async def known_to(conn: AsyncConnection, first_issue: int, ids: Iterable[str]) -> Former:
    """What is kept of these papers for this issue and later ones."""
    column = former_papers.c
    if not await conn.scalar(select(column.number).where(column.until_issue >= first_issue).limit(1)):
        return Former()
    query = select(column.number, column.id, column.until_issue, column.content)
    found: list[tuple[int, str, int, Mapping[str, Any]]] = []
    for some in chunks(sorted(ids)):
        rows = await conn.execute(query.where(column.until_issue >= first_issue, column.id.in_(some)))
        found += [tuple(row) for row in rows]
    return Former((paper, issue, content) for _, paper, issue, content in sorted(found, key=_number))


def _number(row: tuple[int, str, int, Mapping[str, Any]]) -> int:
    return row[0]


async def _is_needed(conn: AsyncConnection) -> bool:
    """Is there a delivery that is not settled?"""
    for unsettled in _UNSETTLED:
        if await conn.scalar(select(deliveries.c.id).where(unsettled).limit(1)):
            return True
    return False


def _content(paper: Paper) -> dict[str, Any]:
    """What mails and citations show of a paper, for JSON."""
    content: dict[str, Any] = {name: getattr(paper, name) for name in _SHOWN}
    content |= {name: list(getattr(paper, name)) for name in _LISTS}
    return content | {"published_at": paper.published_at.isoformat() if paper.published_at else None}


def _restored(now: Paper, content: Mapping[str, Any]) -> Paper:
    at = content["published_at"]
    values = {**content, "published_at": datetime.fromisoformat(at) if at else None}
    return replace(now, **values | {name: tuple(content[name]) for name in _LISTS})
