"""Sources that publish by a calendar, as far as somebody waits for their batch. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import SourceKind, SourceState
from digest.storage.tables import sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is known of a source's batch of the day."""

    name: str
    family: str
    kind: SourceKind
    state: SourceState | None = None
    changed_at: datetime | None = None  # when an answer last differed from the one before
    last_new_at: datetime | None = None


async def batches(conn: AsyncConnection, kinds: Collection[SourceKind]) -> list[Batch]:
    """The active sources of these kinds, by name."""
    names = list(Batch.__dataclass_fields__)
    query = select(*(sources.c[name] for name in names)).where(
        sources.c.active, sources.c.kind.in_([kind.value for kind in kinds])
    )
    return sorted((_batch(dict(row._mapping)) for row in await conn.execute(query)), key=lambda one: one.name)


def _batch(row: dict[str, object]) -> Batch:
    state = SourceState(str(row["state"])) if row["state"] else None
    return Batch(**row | {"kind": SourceKind(str(row["kind"])), "state": state})  # type: ignore[arg-type]
