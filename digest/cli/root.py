"""The application: its commands, and how an error is told."""

import sys
from functools import cache

import typer

from digest import __version__
from digest.cli import stopping
from digest.cli.desk import show_error
from digest.errors import ConfigError, DigestError, RankError

app = typer.Typer(
    name="digest",
    help="The personal digest of new scientific papers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"digest {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """The personal digest of new scientific papers."""


def run() -> None:
    """Do what the command line says. Exits with the status that the package promises."""
    try:
        _register()
        app()
    except DigestError as error:
        if stopping.was_heard():
            raise
        show_error(str(error))
        sys.exit(2 if isinstance(error, ConfigError | RankError) else 1)
    except Exception as error:  # a traceback helps nobody at a prompt
        if stopping.was_heard():
            raise
        reason = (str(error) or "no reason given").splitlines()[0]
        show_error(
            f"unexpected {type(error).__name__}: {reason}; this is a fault of digest, please report it"
        )
        sys.exit(1)


@cache
def _register() -> None:
    """Name the commands, once; imported here so that they need no application."""
    from digest.cli import commands

    commands.register(app)
