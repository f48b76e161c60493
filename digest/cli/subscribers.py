"""`digest subscribers …`: list, show, add, import, export, pause, resume, remove, forget."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.cli import options
from digest.cli.desk import Desk, desk, note, note_fault, run_async
from digest.cli.roster_text import as_entry, to_yaml
from digest.cli.run import import_roster, report_intake
from digest.compose.prose import clean
from digest.config import normalise_address, read_roster
from digest.config.shapes import named_apart
from digest.errors import ConfigError
from digest.match.rank import check_topic
from digest.models import Source, Subscriber, SubscriberStatus, Topic
from digest.pipeline import leaving, reach
from digest.pipeline.intake import first_issue_at
from digest.pipeline.operate import lift
from digest.schedule import describe, next_due, parse_schedule
from digest.storage import subscribers, suppressions
from digest.storage.subscribers import address_of

app = typer.Typer(
    help="Who reads: list, show, add, import, export, pause, resume, remove, forget.", no_args_is_help=True
)

Email = Annotated[str, typer.Argument(help="The subscriber's address.")]


@app.command("list")
def list_(config: options.Config = None, as_json: options.Json = False) -> None:
    """List every subscriber."""

    async def work() -> None:
        async with desk(config) as tools, tools.db.read() as conn:
            found = [stored.subscriber for stored in await subscribers.listed(conn)]
            note_fault(tools)
        if as_json:
            options.print_json({"subscribers": [_brief(subscriber) for subscriber in found]})
        else:
            _print_readers(found)

    run_async(work())


@app.command()
def show(email: Email, config: options.Config = None, as_json: options.Json = False) -> None:
    """Show one subscriber as an entry of subscribers.yaml."""

    async def work() -> None:
        async with desk(config) as tools, tools.db.read() as conn:
            found = await _find(conn, email)
        if as_json:
            options.print_json(_brief(found) | as_entry(found))
        else:
            typer.echo(to_yaml([found]), nl=False)

    run_async(work())


@app.command()
def add(
    email: Email,
    topic: Annotated[list[str], typer.Option(help="What to follow, in words; repeatable.")],
    name: Annotated[str, typer.Option(help="How to address the reader.")] = "",
    schedule: Annotated[str, typer.Option(help="When.")] = "daily at 07:30 UTC",
    cut: Annotated[float, typer.Option(min=0, max=100, help="Score below which nothing is mailed.")] = 50,
    config: options.Config = None,
    now: options.Now = None,
) -> None:
    """Add an active subscriber: the operator vouches for the reader's consent."""
    new = replace(_new_subscriber(email, name, topic, schedule), cut=cut)

    async def work() -> None:
        async with desk(config, now) as tools:
            carried = await tools.carries([new.email])
            if reason := reach.refusal(new.email, carried=carried):
                raise ConfigError(reason)
            await _add(tools, new)
        typer.echo(f"{new.email} is subscribed; the first issue is due at the next run")

    run_async(work())


async def _add(tools: Desk, new: Subscriber) -> None:
    async with tools.hold(), tools.db.write() as conn:
        await _refuse_known(conn, new.email)
        at = tools.clock()
        due_at = first_issue_at(new, at, welcome=True)
        await subscribers.add(conn, replace(new, next_issue_at=due_at), now=at)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file like subscribers.yaml.")],
    no_welcome: Annotated[
        bool, typer.Option("--no-welcome", help="First issue at the schedule's next time.")
    ] = False,
    config: options.Config = None,
    now: options.Now = None,
) -> None:
    """Import the subscribers of a file, all or none."""

    async def work() -> None:
        async with desk(config, now) as tools, tools.hold():
            roster = read_roster(file, others=_known_sources(tools))
            report = await import_roster(tools, roster, welcome=not no_welcome)
        typer.echo(f"{len(report.added)} added, {len(report.changed)} changed, {len(report.paused)} paused")
        report_intake(report)

    run_async(work())


def _known_sources(tools: Desk) -> tuple[Source, ...]:
    """Those of subscribers.yaml, which the readers of an exported file may name."""
    try:
        return tools.roster().sources
    except ConfigError:
        return ()


@app.command()
def export(
    output: Annotated[Path | None, typer.Option(help="File. [default: standard output]")] = None,
    config: options.Config = None,
) -> None:
    """Write every subscriber as entries of subscribers.yaml; `import` reads them back.

    Left out is whom an import would mail against their will: who left, or never confirmed.
    """

    async def work() -> None:
        async with desk(config) as tools, tools.db.read() as conn:
            found = [stored.subscriber for stored in await subscribers.listed(conn)]
        willing = [one for one in found if one.status in (SubscriberStatus.ACTIVE, SubscriberStatus.PAUSED)]
        if left_out := len(found) - len(willing):
            note(f"{left_out} left out: unsubscribed, suppressed or not confirmed")
        text = to_yaml(willing)
        if output is None:
            typer.echo(text, nl=False)
            return
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise ConfigError(f"{output} exists already; name another file") from error
        except OSError as error:
            raise ConfigError(f"{output}: cannot be written ({error.strerror}); name another file") from error
        note(str(output))

    run_async(work())


@app.command()
def pause(
    email: Email,
    until: Annotated[
        str | None, typer.Option(help="A day such as 2026-05-01; then one issue for the gap.")
    ] = None,
    config: options.Config = None,
    now: options.Now = None,
) -> None:
    """Send nothing for a while; what comes meanwhile is ranked into one issue afterwards."""
    end = options.read_day("--until", until) if until else None

    async def work() -> None:
        async with _changing(email, config, now) as (tools, conn, reader):
            if end is None:
                await subscribers.set_status(conn, reader.id, SubscriberStatus.PAUSED, None)
            else:
                due_at = next_due(reader.schedule, max(end, tools.clock()))
                await subscribers.change(conn, replace(reader, pause_until=end, next_issue_at=due_at))
        typer.echo(f"{reader.email} is paused" + (f" until {until}" if until else ""))

    run_async(work())


@app.command()
def resume(email: Email, config: options.Config = None, now: options.Now = None) -> None:
    """End a pause, or a stop after bounces or complaints: the next issue comes in time, for the whole gap."""

    async def work() -> None:
        async with desk(config, now) as tools, tools.hold(), tools.db.write() as conn:
            lifted, reader = await lift(conn, email), await subscribers.by_email(conn, email)
            if lifted and reader is None:
                typer.echo(f"{email} may be mailed again; `digest subscribers add` makes it a reader")
                return
            reader = reader or await _find(conn, email)
            mended = (SubscriberStatus.SUPPRESSED,) if lifted else ()
            _refuse_unless(reader, SubscriberStatus.PAUSED, SubscriberStatus.ACTIVE, *mended)
            due_at = next_due(reader.schedule, tools.clock())
            active = replace(reader, status=SubscriberStatus.ACTIVE, pause_until=None, next_issue_at=due_at)
            await subscribers.change(conn, active)
        typer.echo(f"{reader.email} is active; the next issue is due {_utc(due_at)}")

    run_async(work())


@app.command()
def remove(email: Email, config: options.Config = None) -> None:
    """Delete a subscriber with its issues and votes; the address may subscribe again."""

    async def work() -> None:
        async with _changing(email, config, None) as (tools, conn, reader):
            await subscribers.remove(conn, reader.id)
        typer.echo(f"{reader.email} is removed")
        if place := _place_of(tools, reader.email):
            note(f"{place}: the entry is still there and comes back as new with the next run; take it out")

    run_async(work())


def _place_of(tools: Desk, email: str) -> str | None:
    """Where the file names an address; None if it does not, or cannot be read."""
    try:
        listed = tools.roster().listed
    except ConfigError:
        return None
    places = (one.place for one in listed if address_of(one.subscriber.email) == address_of(email))
    return next(places, None)


@app.command()
def forget(email: Email, config: options.Config = None) -> None:
    """Delete everything about an address and never mail it again; only a hash stays."""

    async def work() -> None:
        async with desk(config) as tools, tools.hold(), tools.db.write() as conn:
            await leaving.erase(conn, email, tools.clock())
        typer.echo("forgotten")

    run_async(work())


@asynccontextmanager
async def _changing(
    email: str, config: Path | None, now: str | None
) -> AsyncIterator[tuple[Desk, AsyncConnection, Subscriber]]:
    async with desk(config, now) as tools, tools.hold(), tools.db.write() as conn:
        yield tools, conn, await _find(conn, email)


async def _find(conn: AsyncConnection, email: str) -> Subscriber:
    found = await subscribers.by_email(conn, email)
    if found is None:
        raise ConfigError(f"{email} is not subscribed; `digest subscribers list` shows who is")
    return found


async def _refuse_known(conn: AsyncConnection, email: str) -> None:
    if await subscribers.by_email(conn, email):
        raise ConfigError(f"{email} is subscribed already; `digest subscribers show {email}` shows how")
    if reason := await suppressions.suppressed_for(conn, email):
        remedy = "" if reason == "forgotten" else f"; `digest subscribers resume {email}` lifts that"
        raise ConfigError(f"{email} must not be mailed ({reason}){remedy}")


def _refuse_unless(reader: Subscriber, *allowed: SubscriberStatus) -> None:
    if reader.status not in allowed:
        raise ConfigError(
            f"{reader.email} is {reader.status}; only the reader can change that, by signing up"
        )


def _new_subscriber(email: str, name: str, topics: list[str], schedule: str) -> Subscriber:
    followed = tuple(Topic(name=" ".join(text.split())) for text in topics)
    for topic in followed:
        check_topic(topic)
    try:
        named_apart(followed)
        return Subscriber(
            id=0,
            email=normalise_address(email),
            name=name,
            topics=followed,
            schedule=parse_schedule(schedule),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _brief(subscriber: Subscriber) -> dict[str, Any]:
    return {
        "email": subscriber.email,
        "name": subscriber.name,
        "status": subscriber.status.value,
        "topics": [topic.name for topic in subscriber.topics],
        "schedule": describe(subscriber.schedule),
        "next_issue_at": _iso(subscriber.next_issue_at),
    }


def _print_readers(found: list[Subscriber]) -> None:
    """Three lines each, which nothing breaks: an address is there to be copied."""
    if not found:
        typer.echo("nobody is subscribed yet; `digest run` takes in those whom subscribers.yaml lists")
    for reader in found:
        due = f"next issue {_utc(reader.next_issue_at)}" if reader.next_issue_at else "no issue is due"
        topics = "; ".join(clean(topic.name) for topic in reader.topics) or "no topics"
        typer.echo(f"{reader.email}\n  {reader.status}, {describe(reader.schedule)}, {due}\n  {topics}")


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
