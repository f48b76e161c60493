"""`digest db backup` and `digest db confirm`: a copy that is whole, and what to do after it came back."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from digest.cli import options
from digest.cli.desk import desk, run_async
from digest.errors import ConfigError, StorageError
from digest.pipeline import epoch
from digest.pipeline.lease import holding


def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; it must not exist.")],
    config: options.Config = None,
) -> None:
    """Copy the SQLite database while others use it; keep the `.secret` file beside it too."""

    async def work() -> None:
        async with desk(config) as tools:
            source = tools.db.path
        if source is None:
            raise ConfigError("this command copies SQLite files; back up PostgreSQL with pg_dump")
        copy(source, file)
        typer.echo(f"{file} is a whole copy; keep {source.with_suffix('.secret')} with it")

    run_async(work())


def copy(source: Path, target: Path) -> None:
    """SQLite's own online backup. Raises ConfigError for a wrong target, StorageError for the disk."""
    if target.exists():
        raise ConfigError(f"{target} exists already; name another file")
    if not target.parent.is_dir():
        raise ConfigError(f"{target}: there is no folder {target.parent}; make it first")
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise StorageError(f"{target}: the copy failed ({error}); nothing was kept") from error


def confirm(
    skip: Annotated[
        bool, typer.Option("--skip", help="Mails went out after the backup: begin anew from now.")
    ] = False,
    here: Annotated[
        bool, typer.Option("--here", help="Send from a database that moved away: the other one is given up.")
    ] = False,
    config: options.Config = None,
    now: options.Now = None,
) -> None:
    """After a restore: send from this database again. Without --skip it sends what is due and what waits."""

    async def work() -> None:
        async with desk(config, now) as tools, holding(tools.db, "pass", tools.worker):
            hold = await epoch.held(tools.db)
            await epoch.confirm(tools.db, tools.clock(), skip=skip, here=here)
        how = "every window begins now" if skip else "what is due goes out"
        typer.echo(f"confirmed ({hold.reason if hold else 'it was not held'}); {how}")

    run_async(work())
