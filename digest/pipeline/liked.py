"""Papers that readers named as liked or disliked and that no source brought: fetched by their ids.

arXiv ids from arXiv's API, preprints from bioRxiv's and medRxiv's, all other DOIs from Crossref's; three
seconds between two requests, one connection, Retry-After obeyed, also after a restart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from digest import identifiers
from digest.errors import FetchError, SourceError
from digest.ingest import gaps
from digest.ingest.child import Reader
from digest.ingest.fetch import Fetcher
from digest.ingest.identity import Occasion
from digest.ingest.registries import Registry, registries, rest
from digest.models import Entry, Source
from digest.pipeline import backfill
from digest.pipeline.storing import store_entries
from digest.storage import papers, wanted
from digest.storage.database import Database
from digest.storage.retention import examples
from digest.storage.wanted import Wanted

#: Papers a pass, and of these the ones that take a request each; more are left for the next one.
MOST, MOST_SINGLE = 500, 10

_NAME = "liked papers"  # stands for a source

log = structlog.get_logger("digest.ingest")


@dataclass(slots=True)
class _Search:
    """What the registries said so far."""

    found: list[tuple[Registry, Entry]] = field(default_factory=list)
    refused: dict[str, tuple[Registry, SourceError]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)  # keys of papers that nobody has given yet

    def take(self, registry: Registry, entries: Sequence[Entry]) -> None:
        """Keep those of the entries that were asked for."""
        for entry in entries:
            named = {f"arxiv:{entry.arxiv_id}", f"doi:{entry.doi}"}.intersection(self.open)
            if named:
                self.found.append((registry, entry))

    def close(self) -> None:
        """What was found, or cannot be known now, is not asked for elsewhere."""
        given = {key for _, one in self.found for key in (f"arxiv:{one.arxiv_id}", f"doi:{one.doi}")}
        self.open = [key for key in self.open if key not in given and key not in self.refused]


def asked_of(configured: Sequence[Source]) -> tuple[Registry, ...]:
    """The registries that may be asked: nobody's, where every source is an example or a copy at hand."""
    online = any(backfill.is_online(source.url) for source in configured)
    arxiv = next((found for source in configured if (found := backfill.address_of(source))), None)
    return registries(arxiv or gaps.API) if online else registries(arxiv, None, None)


async def fetch_liked(
    db: Database,
    asked: Sequence[Registry],
    fetcher: Fetcher,
    reader: Reader,
    *,
    number: int,
    now: datetime,
    progress: Callable[[str, int, int], None],
) -> None:
    """Store unknown papers that readers named; they are examples and never eligible for digests."""
    async with db.read() as conn:
        before = await wanted.all_wanted(conn)
        missing = await _missing(conn)
    due = chosen(missing, before, asked, now)
    gone = before.keys() - missing
    if not due and not gone:
        return
    search = _Search(open=due)
    for registry in asked:
        await _ask(registry, search, fetcher, reader)
        progress(_NAME, len(due) - len(search.open), len(due))
    ends = _ends(search, before, asked, now)
    async with db.write() as conn:
        for registry in asked:
            entries = [entry for giver, entry in search.found if giver is registry]
            await store_entries(conn, entries, _occasion(registry, number, now))
        await wanted.forget(conn, {*gone, *due})
        await wanted.remember(conn, ends)
    for end in ends:
        log.warning("ingest.liked", paper=end.key, note=end.note)
    log.info("ingest.liked", asked=len(due), found=len(due) - len(ends))


def chosen(
    missing: set[str], before: Mapping[str, Wanted], asked: Sequence[Registry], now: datetime
) -> list[str]:
    """The keys to ask for now, sorted: none that waits, and none whose registry rests."""
    waiting = {key for key, end in before.items() if end.ask_at > now}
    resting = {before[key].refused_by for key in waiting} - {None}

    def may(key: str) -> bool:
        known = [registry.name for registry in asked if registry.knows(key)]
        return bool(known) and resting.isdisjoint(known)

    due = [key for key in sorted(missing - waiting) if may(key)]
    single = {key for key in due if any(one.knows(key) and one.singly(key) for one in asked)}
    return sorted([*sorted(single)[:MOST_SINGLE], *[key for key in due if key not in single][:MOST]])


async def _missing(conn: AsyncConnection) -> set[str]:
    """The keys of papers that readers named and that are not stored."""
    named = {key for text in await examples(conn) if (key := identifiers.key(text))}
    known = await papers.numbers(conn, named)
    return {key for key in named - known.keys() if key.startswith(("arxiv:", "doi:"))}


async def _ask(registry: Registry, search: _Search, fetcher: Fetcher, reader: Reader) -> None:
    """Ask one registry for what it may know; after a refusal nothing more."""
    mine = [key for key in search.open if registry.knows(key)]
    requests = list(registry.requests(mine))
    while requests:
        url, keys = requests.pop(0)
        try:
            search.take(registry, (await backfill.page(url, fetcher, reader)).entries)
        except SourceError as error:
            status = error.status if isinstance(error, FetchError) else None
            if status == 400 and len(keys) > 1:  # one odd id must not cost the others
                half = len(keys) // 2
                requests[:0] = [*registry.requests(keys[:half]), *registry.requests(keys[half:])]
            elif status not in (400, 404):
                refused = [*keys, *(key for _, others in requests for key in others)]
                search.refused.update((key, (registry, error)) for key in refused)
                break
    search.close()


def _ends(
    search: _Search, before: Mapping[str, Wanted], asked: Sequence[Registry], now: datetime
) -> list[Wanted]:
    """What is to be remembered of the papers that did not come."""
    ends = [
        _end(key, f"{registry.name} could not be asked yet: {error}", before.get(key), now, registry, error)
        for key, (registry, error) in search.refused.items()
    ]
    for key in search.open:
        names = [registry.name for registry in asked if registry.knows(key)]
        ends.append(_end(key, f"{_listed(names)} it; correct it or take it out", before.get(key), now))
    return ends


def _end(
    key: str,
    note: str,
    before: Wanted | None,
    now: datetime,
    registry: Registry | None = None,
    error: SourceError | None = None,
) -> Wanted:
    refused_by = registry.name if registry else None
    same = before is not None and (before.refused_by is None) is (refused_by is None)
    asks = before.asks + 1 if before and same else 1
    pause = rest(asks, refused=error is not None, retry_after=error.retry_after if error else None)
    return Wanted(key=key, asks=asks, ask_at=now + pause, refused_by=refused_by, note=note)


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"neither {', '.join(others)} nor {last} knows" if others else f"{last} does not know"


def _occasion(registry: Registry, number: int, now: datetime) -> Occasion:
    return Occasion(
        source=_NAME, family=registry.family, open=registry.open, number=number, at=now, announces=False
    )


async def unknown(db: Database) -> list[str]:
    """A sentence for each paper that readers named and that is not stored, sorted."""
    async with db.read() as conn:
        texts = {text: identifiers.key(text) for text in await examples(conn)}
        known = await papers.numbers(conn, texts)
        ends = await wanted.all_wanted(conn)
    return [_sentence(text, key, ends) for text, key in sorted(texts.items()) if text not in known]


def _sentence(text: str, key: str | None, ends: Mapping[str, Wanted]) -> str:
    if key is None:
        return f"{text}: neither an arXiv id nor a DOI; correct it or take it out"
    if end := ends.get(key):
        return f"{text}: {end.note}; asked for again after {end.ask_at:%Y-%m-%d %H:%M} UTC"
    return f"{text}: not asked for yet"
