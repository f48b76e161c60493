"""`digest db …`: the schema, and the move to PostgreSQL."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from digest.cli import options
from digest.cli.progress import progress_bars
from digest.cli.stopping import run_loop
from digest.config import Settings, read_settings
from digest.errors import ConfigError
from digest.pipeline.moving import move
from digest.storage.database import Database
from digest.storage.migrate import upgrade as upgrade_schema

app = typer.Typer(
    help="The database: upgrade its schema, copy it, back it up, confirm a restored one.",
    no_args_is_help=True,
)


@app.command()
def upgrade(as_json: options.Json = False) -> None:
    """Bring the database to the newest schema; every other command does it by itself."""
    settings = read_settings()
    changed = upgrade_schema(settings.database_url, datetime.now(UTC))
    if as_json:
        options.print_json({"changed": changed})
    else:
        typer.echo("upgraded" if changed else "already up to date")


@app.command()
def copy(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The SQLite database, such as digest.db.")],
    as_json: options.Json = False,
) -> None:
    """Copy a SQLite database into the empty PostgreSQL of DIGEST_DATABASE_URL; then only that one sends."""
    settings = read_settings()
    if not settings.database_url.startswith("postgresql"):
        raise ConfigError(
            "DIGEST_DATABASE_URL must say where the copy goes: postgresql://USER:PASSWORD@HOST/NAME"
        )
    if not source.is_file():
        raise ConfigError(f"{source}: there is no such file")
    keep_key(settings, source)
    counts = run_loop(_copy(source.resolve(), settings.database_url))
    if as_json:
        options.print_json({"rows": counts})
    else:
        typer.echo(f"copied {sum(counts.values()):,} rows; {source} sends no more, keep it as a backup")


def keep_key(settings: Settings, source: Path) -> None:
    """Links in mails that are out stay good only under the same key. Raises ConfigError without one."""
    beside = source.with_suffix(".secret")
    key = beside.read_text().strip() if beside.is_file() else None
    given = settings.secret_key.get_secret_value().split(",") if settings.secret_key else []
    if key and key not in [one.strip() for one in given]:
        raise ConfigError(
            f"DIGEST_SECRET_KEY does not hold the key of {beside}, so links in mails would die: "
            f'set it first, for example DIGEST_SECRET_KEY="$(cat {beside})"'
        )


async def _copy(source: Path, target_url: str) -> dict[str, int]:
    source_url = f"sqlite:///{source}"
    now = datetime.now(UTC)
    for url in (source_url, target_url):
        await asyncio.to_thread(upgrade_schema, url, now)
    old, new = Database(source_url), Database(target_url)
    try:
        with progress_bars() as progress:
            return await move(old, new, now, progress=progress)
    finally:
        await old.close()
        await new.close()
