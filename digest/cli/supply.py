"""What a digest can be made of: which sources were never asked, which failed, whether there are papers."""

from collections.abc import Iterable, Sequence

from digest.cli.desk import Desk, note
from digest.models import SourceState
from digest.storage import papers
from digest.storage import sources as stored_sources
from digest.storage.sources import Status


async def unasked(tools: Desk, names: Iterable[str]) -> list[str]:
    """Those of the named sources that no pass has asked yet, in their order."""
    async with tools.db.read() as conn:
        asked = {status.name for status in await stored_sources.statuses(conn) if status.state}
    return [name for name in names if name not in asked]


async def shortage(tools: Desk) -> str | None:
    """Why there is not a single paper, in one sentence; None if there are papers."""
    async with tools.db.read() as conn:
        if await papers.count(conn):
            return None
        found = await stored_sources.statuses(conn)
    return f"no papers yet: {_reason(found)}"


def _reason(found: Sequence[Status]) -> str:
    failed = failures(found)
    if failed:
        return "; ".join(failed)
    if not any(status.state for status in found):
        return "no source was asked; `digest run` asks them"
    return "the sources that were asked had none"


async def tell_failures(tools: Desk) -> None:
    """Name the sources that gave no usable answer, for a reader who gets nothing."""
    async with tools.db.read() as conn:
        found = await stored_sources.statuses(conn)
    for sentence in failures(found):
        note(sentence)


def failures(found: Iterable[Status]) -> list[str]:
    """`arxiv:cs.XX failed (why)`, one for each source whose last answer was of no use. Pure."""
    return [
        f"{status.name} failed ({status.error or 'no reason given'})"
        for status in found
        if status.state is SourceState.FAILED
    ]
