"""Papers that readers named as liked or disliked and that no source brought: fetched by their arXiv ids."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from digest.errors import SourceError
from digest.ingest.child import Reader
from digest.ingest.fetch import Fetcher
from digest.ingest.identity import Occasion
from digest.models import Source
from digest.pipeline import backfill
from digest.pipeline.storing import store_entries
from digest.storage import papers, sources
from digest.storage.database import Database
from digest.storage.retention import examples
from digest.storage.sources import Kept

#: An id that nobody knows is asked for again after this time.
AGAIN = timedelta(days=1)

#: Ids a pass; more are left for the next one.
MOST = 500

_NAME = "liked papers"  # stands for a source in the table of validators

log = structlog.get_logger("digest.ingest")


async def fetch_liked(
    db: Database,
    configured: Sequence[Source],
    fetcher: Fetcher,
    reader: Reader,
    *,
    number: int,
    now: datetime,
) -> None:
    """Store unknown papers that readers named; they are examples and never eligible for digests."""
    address = next((found for source in configured if (found := backfill.address_of(source))), None)
    if address is None or not (ids := await _unknown(db, now)):
        return
    try:
        entries = await backfill.liked(address, ids, fetcher, reader)
    except SourceError as error:
        log.warning("ingest.liked", error=str(error), asked=len(ids))
        entries = []
    occasion = Occasion(source=_NAME, family="arxiv", open=True, number=number, at=now, announces=False)
    async with db.write() as conn:
        await store_entries(conn, entries, occasion)
        asked = [Kept(url=one, etag=None, last_modified=None, body_hash=None, fetched_at=now) for one in ids]
        await sources.keep(conn, _NAME, asked)
    log.info("ingest.liked", asked=len(ids), found=len(entries))


async def _unknown(db: Database, now: datetime) -> list[str]:
    async with db.read() as conn:
        ids = set(backfill.arxiv_ids(sorted(await examples(conn))).values())
        known = await papers.numbers(conn, ids)
        asked = await sources.validators(conn, _NAME) if ids else {}
    waiting = {one for one, kept in asked.items() if kept.fetched_at > now - AGAIN}
    return sorted(ids - known.keys() - waiting)[:MOST]
