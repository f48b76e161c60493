"""Claimed deliveries -> finished messages: load what the issues name, compose off the event loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from digest.compose.freeze import papers_of
from digest.compose.headers import message_id
from digest.compose.message import Composer
from digest.deliver.sign import Key, sign
from digest.errors import DigestError, StorageError
from digest.models import Delivery, DeliveryKind, Issue, Message, Paper, Subscriber
from digest.storage import issues, papers, subscribers
from digest.storage.database import Database


class Renderer:
    """Renders issues in batches; one for a pass, so that each paper is prepared once."""

    def __init__(
        self,
        db: Database,
        composer: Composer,
        *,
        key: str,
        domain: str,
        letters: Callable[[Delivery, str], Message] | None = None,
        signing: Sequence[Key] = (),
    ) -> None:
        """`key` and `domain` make the Message-IDs, which never change for a delivery.

        `letters` writes what is no issue, from the delivery and its Message-ID; see `pipeline.letters`.
        With `signing` keys every message leaves with their DKIM signatures.
        """
        self._db = db
        self._composer = composer
        self._letters = letters
        self._signing = signing
        self._key = key
        self._domain = domain

    async def __call__(self, deliveries: Sequence[Delivery]) -> Mapping[int, Message | DigestError]:
        """A message, or the reason why there is none, for each delivery by id."""
        async with self._db.read() as conn:
            frozen = await issues.by_ids(conn, [d.issue_id for d in deliveries if d.issue_id])
            readers = await subscribers.by_ids(conn, [issue.subscriber_id for issue in frozen.values()])
            names = {name for issue in frozen.values() for name in named(issue)}
            known = await papers.by_ids(conn, names)
        return await asyncio.to_thread(self._render_all, deliveries, frozen, readers, known)

    def _render_all(
        self,
        deliveries: Sequence[Delivery],
        frozen: Mapping[int, Issue],
        readers: Mapping[int, Subscriber],
        known: Mapping[str, Paper],
    ) -> dict[int, Message | DigestError]:
        rendered: dict[int, Message | DigestError] = {}
        for delivery in deliveries:
            try:
                message = self._message(delivery, frozen.get(delivery.issue_id or 0), readers, known)
                rendered[delivery.id] = replace(message, raw=sign(message.raw, self._signing))
            except DigestError as error:
                rendered[delivery.id] = error
        return rendered

    def _message(
        self,
        delivery: Delivery,
        issue: Issue | None,
        readers: Mapping[int, Subscriber],
        known: Mapping[str, Paper],
    ) -> Message:
        mark = message_id(delivery.id, self._key, self._domain)
        if delivery.kind is not DeliveryKind.ISSUE and self._letters:
            return self._letters(delivery, mark)
        if issue is None or issue.subscriber_id not in readers:
            raise StorageError("the issue of this delivery is no longer stored")
        return self._composer.message(
            issue,
            readers[issue.subscriber_id],
            papers_of(issue, known),
            message_id=mark,
            created_at=delivery.created_at,
        )


def named(issue: Issue) -> list[str]:
    """Ids of every paper that the issue names."""
    matches = [match.paper_id for match in (*issue.shown, *issue.left_out)]
    return [*matches, *issue.trending, *issue.revised]
