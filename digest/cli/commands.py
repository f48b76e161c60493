"""Which command is which function, in the order that `digest --help` shows."""

import typer

from digest.cli import (
    backup,
    bounces,
    db,
    doctor,
    ingest,
    model,
    preview,
    rank,
    run,
    send,
    serve,
    status,
    subscribers,
    worker,
)


def register(app: typer.Typer) -> None:
    """Add every command to the application."""
    app.command("run")(run.run)
    app.command("serve")(serve.serve)
    app.command("worker")(worker.worker)
    app.command("ingest")(ingest.ingest)
    app.command("preview")(preview.preview)
    app.command("send")(send.send)
    app.command("rank")(rank.rank)
    app.add_typer(subscribers.app, name="subscribers")
    app.command("bounces")(bounces.bounces)
    app.command("status")(status.status)
    app.command("doctor")(doctor.doctor)
    db.app.command("backup")(backup.backup)
    db.app.command("confirm")(backup.confirm)
    app.add_typer(model.app, name="model")
    app.add_typer(db.app, name="db")
