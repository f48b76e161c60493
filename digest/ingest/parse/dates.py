"""Dates as feeds write them. Pure: what is too far in the future is for those to judge who know the time."""

import calendar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

#: Nothing older is a date of publication; the second day of 1970 is what a missing number looks like.
_EPOCH = datetime(1970, 1, 2, tzinfo=UTC)
_OLDEST = datetime(1800, 1, 1, tzinfo=UTC)


def of_struct(parsed: Any) -> datetime | None:
    """feedparser's time tuple, which is UTC without saying so; None if it is no date."""
    try:
        return _plausible(datetime.fromtimestamp(calendar.timegm(parsed), UTC)) if parsed else None
    except (ValueError, OverflowError, TypeError, OSError):
        return None


def of_text(text: object) -> datetime | None:
    """An ISO 8601 date or time; a time without a zone is UTC."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        return _plausible(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def of_mail(text: object) -> datetime | None:
    """A date as mails and HTTP write it."""
    try:
        at = parsedate_to_datetime(text) if isinstance(text, str) else None
        return _plausible(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)) if at else None
    except (ValueError, TypeError, OverflowError):
        return None


def of_parts(parts: object) -> datetime | None:
    """Crossref's `[year, month, day]`, of which the last two may be missing."""
    if not isinstance(parts, list) or not parts or not all(type(part) is int for part in parts):
        return None
    try:
        year, month, day = [*parts, 1, 1][:3]
        return _plausible(datetime(year, month, day, tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def _plausible(at: datetime) -> datetime | None:
    if at < _OLDEST or abs(at - _EPOCH).days < 2:
        return None
    return at
