"""Entries of one source as stored papers: the write of the step `ingest`."""

import asyncio
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from digest.ingest.grouping import keys
from digest.ingest.identity import Occasion, Resolved, identify
from digest.models import Entry, Paper
from digest.storage import former, papers


async def store_entries(
    conn: AsyncConnection, entries: Sequence[Entry], occasion: Occasion
) -> list[Resolved]:
    """Entries of one source as stored papers: a handful of statements, whatever their number."""
    if not entries:
        return []
    named = {key for entry in entries for key in keys(entry, occasion.source)}
    known = await papers.by_keys(conn, named)
    resolved = await asyncio.to_thread(identify, entries, known, occasion)
    await former.keep(conn, _changes(resolved, known), occasion.at)
    for one in resolved:
        for gone in one.numbers[1:]:
            await papers.absorb(conn, one.numbers[0], gone)
    changed = {one.numbers[0]: one.paper for one in resolved if one.numbers and one.changed}
    revised = {one.numbers[0]: occasion.number for one in resolved if one.revised}
    await papers.update_papers(conn, changed, revised)
    given = await papers.insert_papers(conn, [one.paper for one in resolved if not one.numbers])
    await papers.add_aliases(
        conn,
        {key: one.numbers[0] if one.numbers else given[one.paper.id] for one in resolved for key in one.keys},
    )
    return resolved


def _changes(
    resolved: Sequence[Resolved], known: Mapping[str, tuple[int, Paper]]
) -> dict[str, tuple[Paper, Paper]]:
    """Every stored paper that is about to be written anew, or to become another one: before and after."""
    stored = dict(known.values())
    return {
        stored[number].id: (stored[number], one.paper)
        for one in resolved
        if one.changed or one.numbers[1:]
        for number in one.numbers
        if number in stored
    }
