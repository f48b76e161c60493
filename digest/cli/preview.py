"""`digest preview`: what would go out now, by the code that sends it; marks nothing."""

import sys
import webbrowser
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from digest.cli import options, supply
from digest.cli.desk import Desk, desk, note, run_async
from digest.compose import wording
from digest.compose.cards import clean_title
from digest.config.file import Roster
from digest.deliver.files import safe_name
from digest.errors import BusyError, ConfigError
from digest.match.rank import check_topic
from digest.models import Match, Parts, Subscriber, SubscriberStatus, Topic
from digest.pipeline import vectors
from digest.pipeline.preview import Preview
from digest.pipeline.preview import preview as preview_issue
from digest.storage import passes, subscribers


class Form(StrEnum):
    """What a preview is written as."""

    HTML = "html"
    TEXT = "text"
    EML = "eml"
    JSON = "json"


#: A preview by topic alone looks back so far, and like a subscriber without settings.
DAYS = 7

#: Previews the issue of a reader.
Look = Callable[..., Awaitable[Preview]]


def preview(
    email: Annotated[str | None, typer.Argument(help="A subscriber; without: every active one.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="A topic in words, no subscriber needed.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="With --topic: look back so far.")] = None,
    format_: Annotated[
        Form | None, typer.Option("--format", help="What to write. [default: html; on a terminal: text]")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File, or folder for many. [default: -]")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print the parts of each score.")] = False,
    as_json: options.Json = False,
    config: options.Config = None,
    now: options.Now = None,
) -> None:
    """Show the digest that would go out now; nothing is marked as sent."""
    if email and topic:
        raise ConfigError("give an EMAIL or --topic, not both")
    if days and not topic:
        raise ConfigError("--days belongs to --topic; a subscriber has a window of its own")
    form = Form.JSON if as_json else format_ or _usual_form(bool(output or open_))
    run_async(_preview(email, topic or [], days or DAYS, form, output, open_, explain, config, now))


def _usual_form(to_file: bool) -> Form:
    """People at a terminal read text; browsers and pipes take HTML."""
    return Form.TEXT if sys.stdout.isatty() and not to_file else Form.HTML


async def _preview(
    email: str | None,
    topics: list[str],
    days: int,
    form: Form,
    output: Path | None,
    opened: bool,
    explain: bool,
    config: Path | None,
    now: str | None,
) -> None:
    async with desk(config, now, reads=True) as tools:
        roster = await _need_papers(tools)
        readers = [_reader(topics)] if topics else await _subscribers(tools, email)
        await _tell_edits(tools, roster, readers)
        composer, at = tools.composer(), tools.clock()
        look = partial(preview_issue, tools.db, composer=composer, now=at)
        if topics:
            previews = [await look(reader, days=days) for reader in readers]
        else:
            previews = [await _newest(look, reader, form) for reader in readers]
        await vectors.keep(tools.db, at)
        await _tell_shortage(tools, previews)
    for one in previews:
        _tell_unheard(one)
    if explain:
        for one in previews:
            _explain(one)
    _write_all(previews, form, output, opened, alone=bool(topics or email))


async def _newest(look: Look, reader: Subscriber, form: Form) -> Preview:
    """The next issue; where nothing came since the last one, for people what a week would bring."""
    found = await look(reader)
    if found.issue.considered or reader.last_pass is None or form is Form.JSON:
        return found
    week = await look(reader, days=DAYS)
    if not week.issue.considered:
        return found
    note(f"{reader.email}: no new papers since the last issue; the last {DAYS} days would bring this")
    return week


async def _tell_edits(tools: Desk, roster: Roster | None, readers: Sequence[Subscriber]) -> None:
    """Tell if the file says something else of a reader than what was taken over of it."""
    async with tools.db.read() as conn:
        stored = await subscribers.by_emails(conn, [reader.email for reader in readers if reader.email])
    for entry in roster.listed if roster else ():
        known = stored.get(subscribers.address_of(entry.subscriber.email))
        if known and known.file_hash not in (None, entry.file_hash):
            said = f"{tools.roster_path} says something new of {entry.subscriber.email}"
            note(f"{said}; `digest subscribers import {tools.roster_path}` takes it over")


async def _need_papers(tools: Desk) -> Roster | None:
    """A first preview fetches and imports the file, as `run` would; a later one asks sources that are new."""
    from digest.cli.ingest import ingest_at
    from digest.cli.run import import_roster

    async with tools.db.read() as conn:
        newest = await passes.newest_pass(conn)
    roster = tools.roster_if_needed()
    if roster is None:
        return None
    new = await supply.unasked(tools, (source.name for source in roster.sources))
    if newest and not new:
        return roster
    try:
        async with tools.hold():
            if not newest:
                await import_roster(tools, roster)
            await ingest_at(tools, roster, quiet=True)
    except BusyError:
        if not newest:
            raise
        note(f"not asked yet: {', '.join(new)}; another pass runs, look again when it is done")
    return roster


async def _tell_shortage(tools: Desk, previews: Sequence[Preview]) -> None:
    """Say why nobody can get anything: no paper at all, or sources that failed."""
    if reason := await supply.shortage(tools):
        note(reason)
    elif any(not one.issue.considered for one in previews):
        await supply.tell_failures(tools)


def _reader(topics: Sequence[str]) -> Subscriber:
    """Somebody who follows these topics and changed no setting."""
    followed = tuple(Topic(name=" ".join(text.split())) for text in topics)
    for topic in followed:
        check_topic(topic)
    return Subscriber(id=0, email="", topics=followed)


async def _subscribers(tools: Desk, email: str | None) -> list[Subscriber]:
    async with tools.db.read() as conn:
        if email is None:
            stored = [entry.subscriber for entry in await subscribers.listed(conn)]
            return [reader for reader in stored if reader.status is SubscriberStatus.ACTIVE]
        found = await subscribers.by_email(conn, email)
    if found is None:
        raise ConfigError(
            f"{email} is not subscribed; `digest subscribers list` shows who is, and "
            "`digest subscribers import FILE` takes new entries over"
        )
    return [found]


def _write_all(
    previews: Sequence[Preview], form: Form, output: Path | None, opened: bool, *, alone: bool
) -> None:
    if not previews:
        note("nobody is subscribed; add somebody to subscribers.yaml, or use --topic")
    if form is Form.JSON and not alone and output is None:
        options.print_json([one.to_json() for one in previews])
        return
    for one in previews:
        path = _target(one, form, output, opened, alone=alone)
        _write(one, form, path)
        if one.issue.note:
            note(one.issue.note)
        if one.subscriber.email and one.issue.is_empty and not one.subscriber.quiet_note:
            note("no mail would go out: `quiet_note` is off")
        if path and opened:
            _show(path.resolve())


def _show(path: Path) -> None:
    if not webbrowser.open(path.as_uri()):
        note(f"no browser was opened: there is none here; open {path} in one")


def _target(one: Preview, form: Form, output: Path | None, opened: bool, *, alone: bool) -> Path | None:
    """The file of a preview; None is standard output."""
    if alone and output and not output.is_dir():
        return None if str(output) == "-" else output
    if alone and not output and not opened:
        return None
    suffix = "txt" if form is Form.TEXT else form.value
    return (output or Path()) / f"preview-{safe_name(one.subscriber.email or 'topics')}.{suffix}"


def _write(one: Preview, form: Form, path: Path | None) -> None:
    content = _content(one, form)
    if path is None:
        typer.echo(content, nl=not content.endswith(b"\n"))
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); name another --output") from error
    note(str(path))


def _content(one: Preview, form: Form) -> bytes:
    if form is Form.JSON:
        import json

        return json.dumps(one.to_json(), ensure_ascii=False, indent=2).encode()
    parts = {Form.HTML: one.message.html, Form.TEXT: one.message.text}
    return one.message.raw if form is Form.EML else parts[form].encode()


def _tell_unheard(one: Preview) -> None:
    """Words that no paper holds, which may be misspelt."""
    for sentence in wording.unheard(one.unheard):
        note(sentence)


def _explain(one: Preview) -> None:
    """The score of every paper that is shown, part by part, and what the rules of its topics kept out."""
    if one.subscriber.email:
        note(one.subscriber.email)
    found = {(match.paper_id, match.topic): match for _, matches in one.ranked for match in matches}
    if one.near and not one.issue.shown:
        note(f"nothing passes the cut of {one.subscriber.cut:.0f}; the nearest:")
    for shown in one.issue.shown or one.near:
        match = found.get((shown.paper_id, shown.topic), shown)
        note(f"{match.score:5.1f}  {clean_title(one.papers[match.paper_id])}")
        note(f"       {match.topic}: {', '.join(shown.because)}")
        if match.parts:
            note(f"       {_sum(match.parts, match.percent)}{_moved(match, one.subscriber)}")
    for topic, said in one.losses.items():
        if said:
            note(f"kept out of {topic.name}: {'; '.join(said)}")


def _sum(found: Parts, percent: int) -> str:
    """The parts of a score as log-odds, of which zero is a score of 50."""
    parts = [(name, value) for name, value in found._asdict().items() if round(value, 2)]
    said = " ".join(f"{'-' if value < 0 else '+'} {name} {abs(value):.2f}" for name, value in parts)
    return f"{said.removeprefix('+ ')} = {sum(found):.2f}, that is {percent} %"


def _moved(match: Match, subscriber: Subscriber) -> str:
    """What the weight of its topic does to the place of a match; the score stays."""
    weight = next((topic.weight for topic in subscriber.topics if topic.name == match.topic), 1.0)
    return "" if weight == 1 else f"; its weight {weight:g} places it as {match.score * weight:.0f} would"
