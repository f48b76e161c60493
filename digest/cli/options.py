"""Options that many commands share, and how their texts are read."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from digest.errors import ConfigError

Config = Annotated[
    Path | None, typer.Option("--config", help="Sources and subscribers. [default: subscribers.yaml]")
]
Now = Annotated[
    str | None,
    typer.Option("--now", help="Replay another time, such as 2026-04-13T12:00:00Z.", metavar="TIME"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def read_time(text: str | None) -> datetime | None:
    """The aware UTC time that --now names. Raises ConfigError."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f'--now: "{text}" is not a time; write for example 2026-04-13T12:00:00Z') from error
    if not 1991 <= at.year <= 2199:
        raise ConfigError(
            f'--now: "{text}" is out of reach; name a year from 1991 (the first of arXiv) to 2199'
        )
    if at.tzinfo is None:
        day = at.date().isoformat()
        raise ConfigError(
            f'--now: "{text}" has no time zone; write day, hour and zone, for example '
            f"{day}T12:00:00Z (UTC) or {day}T12:00:00+02:00"
        )
    return at.astimezone(UTC)


def read_day(option: str, text: str) -> datetime:
    """The midnight (UTC) that begins the day of an option. Raises ConfigError, which names the option."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f'{option}: "{text}" is not a day; write for example 2026-05-01') from error
    if not 1991 <= day.year <= 2199:
        raise ConfigError(f'{option}: "{text}" is out of reach; name a year from 1991 to 2199')
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def print_json(document: Any) -> None:
    """The one document of a `--json` run, on standard output."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
