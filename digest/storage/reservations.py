"""Papers that are reserved for a reader: once mailed, never again; freed if the mail did not go out."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, select, union

from digest.storage.database import chunks
from digest.storage.tables import aliases, deliveries, issues, mailed, papers


def release(conn: Connection, issue_ids: Sequence[int]) -> None:
    """Free the papers of issues whose delivery ended failed, expired, suppressed or replaced.

    Not of one that was sent again after a doubt or a wish: the reader may have the first copy. A frozen
    issue names papers by the id of its day; a merge may have renamed one since, so aliases count.
    """
    its = deliveries.c.issue_id == issues.c.id, deliveries.c.created_at == issues.c.created_at
    again = func.coalesce(select(deliveries.c.resends).where(*its).scalar_subquery(), 0) > 0
    for chunk in chunks(issue_ids, 200):
        query = select(issues.c.subscriber_id, issues.c.shown, issues.c.trending).where(
            issues.c.id.in_(chunk), ~again
        )
        for subscriber, shown, trending in conn.execute(query).all():
            _free(conn, subscriber, [match[0] for match in shown] + list(trending))


def _free(conn: Connection, subscriber_id: int, paper_ids: Sequence[str]) -> None:
    numbers = union(
        select(papers.c.number).where(papers.c.id.in_(paper_ids)),
        select(aliases.c.paper).where(aliases.c.key.in_(paper_ids)),
    )
    conn.execute(
        delete(mailed).where(
            mailed.c.subscriber_id == subscriber_id, mailed.c.paper.in_(select(numbers.subquery().c.number))
        )
    )
