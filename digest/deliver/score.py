"""Do the bounces of an address mean that we must stop writing to it? Pure; the rule of Mailman 3, simplified.

A complaint stops at once. So does "no such address", if nothing was ever delivered there, else the second
one. Anything softer counts once a day; after a week of quiet, or a later mail that stayed delivered, it
counts from zero; at the fifth day a letter asks, and if mail comes back once more, it stops.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from digest.deliver.bounce import Kind

#: Days with a soft bounce that stop mails, and the quiet after which older ones are forgotten.
SOFT_DAYS = 5
STALE_AFTER = timedelta(days=7)

#: Not yet certain: a last letter asks before this stops a reader.
SOFT = "soft bounces"

#: A mail that did not come back within this has arrived: servers give up after five days (RFC 5321 4.5.4.1).
STAYED_AFTER = timedelta(days=6)


def verdict(
    bounces: Sequence[tuple[Kind, datetime]], *, stayed_at: datetime | None, ever_stayed: bool
) -> str | None:
    """Why the address is suppressed; None if it may be mailed.

    `bounces` in order of time; `stayed_at`: when the newest mail was sent that did not come back in time;
    `ever_stayed`: there is one that did not come back yet.
    """
    if any(kind is Kind.COMPLAINT for kind, _ in bounces):
        return "complaint"
    recent = _recent([one for one in bounces if stayed_at is None or one[1] > stayed_at])
    hard = {at.date() for kind, at in recent if kind is Kind.HARD}
    if len(hard) >= (2 if ever_stayed else 1):
        return "hard bounce"
    days = {at.date() for kind, at in recent if kind in (Kind.HARD, Kind.SOFT)}
    return SOFT if len(days) >= SOFT_DAYS else None


def _recent(bounces: Sequence[tuple[Kind, datetime]]) -> list[tuple[Kind, datetime]]:
    """Those since the last quiet week."""
    recent: list[tuple[Kind, datetime]] = []
    for kind, at in bounces:
        if recent and at - recent[-1][1] > STALE_AFTER:
            recent.clear()
        recent.append((kind, at))
    return recent
