"""What the optional model says of papers and topics, kept in the database: each text is encoded once.

    texts ─recall→ known vectors ─rank→ ─keep→ those that had to be made

Without the model nothing happens here. A model of other files has other keys, so its vectors are made anew.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.match.query import wordings
from digest.match.semantic import SentenceModel
from digest.models import Paper, Topic
from digest.pipeline.model import current_space, tell
from digest.storage import vectors
from digest.storage.database import Database

#: Papers that keep the model busy for so long that people wonder.
LENGTHY = 200


async def recall(conn: AsyncConnection, papers: Iterable[Paper], topics: Iterable[Topic] = ()) -> int:
    """Bring to mind what was encoded before, in this process or another one; gives how much is left to do."""
    model = current_space()
    if not isinstance(model, SentenceModel):
        return 0
    missing = model.missing(papers, chain.from_iterable(map(wordings, topics)))
    known = await vectors.by_keys(conn, missing) if missing else {}
    model.remember(known)
    return len(missing) - len(known)


async def recall_window(conn: AsyncConnection, papers: Iterable[Paper]) -> None:
    """The same of the papers of a window; what takes long is told."""
    if (left := await recall(conn, papers)) >= LENGTHY:
        tell(f"the model reads {left:,} papers that are new to it; this takes a while, once")


async def keep(db: Database, now: datetime) -> None:
    """Store what was encoded since the last time."""
    model = current_space()
    made = model.take_new() if isinstance(model, SentenceModel) else {}
    if made:
        async with db.write() as conn:
            await vectors.keep(conn, made, now)
