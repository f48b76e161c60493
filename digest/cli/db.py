"""`digest db …`: the schema."""

import typer

from digest.cli import options
from digest.config import read_settings
from digest.storage.migrate import upgrade as upgrade_schema

app = typer.Typer(help="The database: upgrade its schema.", no_args_is_help=True)


@app.command()
def upgrade(as_json: options.Json = False) -> None:
    """Bring the database to the newest schema; every other command does it by itself."""
    settings = read_settings()
    changed = upgrade_schema(settings.database_url)
    if as_json:
        options.print_json({"changed": changed})
    else:
        typer.echo("upgraded" if changed else "already up to date")


@app.callback()
def _group() -> None:
    """Keep `digest db upgrade` a subcommand while it is the only one."""
