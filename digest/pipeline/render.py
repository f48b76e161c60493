"""Claimed deliveries -> finished messages: load what the issues name, compose off the event loop.

A delivery that is tried again gives the same bytes: its papers are shown as they were when its issue was
frozen, its Message-ID stays, and a message that may have arrived already is not made anew at all. Only what
was withdrawn since is left out of a message that nobody has.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.compose.freeze import papers_of, without_withdrawn
from digest.compose.headers import message_id
from digest.compose.steady import AnyComposer
from digest.deliver.hooks import returned_field
from digest.deliver.sign import Key, sign
from digest.errors import DigestError, StorageError
from digest.models import Delivery, DeliveryKind, Issue, Message, Paper, Subscriber
from digest.storage import doubts, former, issues, papers, passes, subscribers
from digest.storage.database import Database

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needs:
    """What the messages of one batch are made of."""

    frozen: Mapping[int, Issue]
    readers: Mapping[int, Subscriber]
    papers: Mapping[int, Mapping[str, Paper]]  # by issue
    doubtful: Mapping[int, bytes]  # messages that may have arrived, by delivery


class Renderer:
    """Renders issues in batches; one for a pass, so that each paper is prepared once."""

    def __init__(
        self,
        db: Database,
        composer: AnyComposer,
        *,
        key: str,
        domain: str,
        letters: Callable[[Delivery, str], Message] | None = None,
        signing: Sequence[Key] = (),
        host: str = "",
        faults: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`key` and `domain` make the Message-IDs, which never change for a delivery.

        `letters` writes what is no issue, from the delivery and its Message-ID; see `pipeline.letters`.
        With `signing` keys every message leaves with their DKIM signatures, before them what the relay `host`
        gives back in its events. `faults` writes down what the
        composer met in the operator's templates.
        """
        self._db = db
        self._composer = composer
        self._letters = letters
        self._signing = signing
        self._host = host
        self._key = key
        self._domain = domain
        self._faults = faults
        self._known: dict[str, Paper] = {}
        self._known_at: int | None = None  # the pass whose papers are known

    async def __call__(self, deliveries: Sequence[Delivery]) -> Mapping[int, Message | DigestError]:
        """A message, or the reason why there is none, for each delivery by id."""
        needs = await self._load(deliveries)
        rendered = await asyncio.to_thread(self._render_all, deliveries, needs)
        if self._faults:
            await self._faults()
        return rendered

    async def _load(self, deliveries: Sequence[Delivery]) -> _Needs:
        async with self._db.read() as conn:
            frozen = await issues.by_ids(conn, [d.issue_id for d in deliveries if d.issue_id])
            names = {name for issue in frozen.values() for name in named(issue)}
            known = await self._papers(conn, names)
            before = await former.known_to(conn, min(frozen, default=0), names)
            return _Needs(
                frozen=frozen,
                readers=await subscribers.by_ids(conn, [issue.subscriber_id for issue in frozen.values()]),
                papers={
                    number: before.of_issue(number, papers_of(issue, known))
                    for number, issue in frozen.items()
                },
                doubtful=await doubts.by_ids(conn, [one.id for one in deliveries if one.resends]),
            )

    async def _papers(self, conn: AsyncConnection, names: set[str]) -> Mapping[str, Paper]:
        """Readers share most papers: each is read once, and anew when a later pass may change it."""
        at = await passes.at_rest(conn)
        if at is None or at != self._known_at:
            self._known, self._known_at = {}, at
        self._known |= await papers.by_ids(conn, names - self._known.keys())
        return self._known

    def _render_all(self, deliveries: Sequence[Delivery], needs: _Needs) -> dict[int, Message | DigestError]:
        rendered: dict[int, Message | DigestError] = {}
        for delivery in deliveries:
            try:
                rendered[delivery.id] = self._message(delivery, needs)
            except DigestError as error:
                rendered[delivery.id] = error
        return rendered

    def _message(self, delivery: Delivery, needs: _Needs) -> Message:
        """The message as it leaves; one that may have arrived already as it left."""
        mark = delivery.message_id or message_id(delivery.id, self._key, self._domain)
        if raw := needs.doubtful.get(delivery.id):
            return Message(message_id=mark, subject="", raw=raw)
        made = self._unsigned(delivery, mark, needs)
        raw = returned_field(self._host, mark) + sign(made.raw, self._signing)
        if delivery.resends and delivery.body_hash not in (None, hashlib.sha256(raw).hexdigest()):
            log.warning("message.changed", delivery=delivery.id)  # templates, settings, keys or program
        return replace(made, raw=raw)

    def _unsigned(self, delivery: Delivery, mark: str, needs: _Needs) -> Message:
        if delivery.kind is not DeliveryKind.ISSUE and self._letters:
            return self._letters(delivery, mark)
        issue = needs.frozen.get(delivery.issue_id or 0)
        if issue is None or issue.subscriber_id not in needs.readers:
            raise StorageError("the issue of this delivery is no longer stored")
        papers_now = needs.papers[issue.id or 0]
        shown = without_withdrawn(issue, papers_now)
        if shown.is_empty and not issue.is_empty:
            raise StorageError("every paper of this issue was withdrawn before it left")
        return self._composer.message(
            shown,
            needs.readers[issue.subscriber_id],
            papers_now,
            message_id=mark,
            created_at=delivery.created_at,
        )


def named(issue: Issue) -> list[str]:
    """Ids of every paper that the issue names."""
    matches = [match.paper_id for match in (*issue.shown, *issue.left_out)]
    return [*matches, *issue.trending, *issue.revised]
