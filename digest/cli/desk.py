"""What a command works with: settings, an upgraded database, a clock, and what is built from them."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
import typer

from digest.cli.options import read_time
from digest.cli.signing import dkim_keys
from digest.cli.stopping import run_loop
from digest.compose.letters import Letters
from digest.compose.message import Composer
from digest.compose.steady import SteadyComposer, SteadyLetters
from digest.config import Roster, Settings, read_roster, read_settings, signing_keys
from digest.deliver import verp
from digest.deliver.files import FileTransport
from digest.deliver.relay import Relay, parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.deliver.transport import Transport
from digest.errors import ConfigError, TemplateError
from digest.links import Links
from digest.models import Delivery, Site
from digest.pipeline import epoch, reach
from digest.pipeline import letters as letters_of
from digest.pipeline.faults import Faults
from digest.pipeline.lease import holding
from digest.pipeline.model import use_model
from digest.pipeline.render import Renderer
from digest.pipeline.sending import Way
from digest.pipeline.workers import worker_name
from digest.storage.database import Database
from digest.storage.migrate import upgrade

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """One command's tools; opened by `desk()`."""

    settings: Settings
    roster_path: Path
    db: Database
    clock: Callable[[], datetime]
    worker: str
    faults: Faults  # of the operator's templates

    def roster(self) -> Roster:
        """subscribers.yaml, read anew. Raises ConfigError."""
        return read_roster(self.roster_path)

    def roster_if_needed(self) -> Roster | None:
        """The same, but None without one on PostgreSQL, where another machine may hold the file."""
        usual = Path(Settings.model_fields["config"].default)
        if self.db.is_sqlite or self.roster_path != usual or usual.exists():
            return self.roster()
        return None

    def roster_fault(self) -> str | None:
        """What is wrong with subscribers.yaml, as every command says it; None if it is whole."""
        try:
            self.roster_if_needed()
        except ConfigError as error:
            return str(error)
        return None

    def site(self) -> Site:
        """The part of the settings that a message shows."""
        settings = self.settings
        return Site(
            name=settings.site_name,
            sender=settings.from_,
            reply_to=settings.reply_to,
            base_url=settings.base_url,
            postal_address=settings.postal_address,
            imprint_url=settings.imprint_url,
            unsubscribe_mailbox=settings.reply_to or self._intake(),
            domain=parseaddr(settings.from_)[1].rpartition("@")[2] or "localhost",
            template_folder=str(settings.templates) if settings.templates else None,
        )

    def composer(self) -> Composer:
        """Builds messages; its templates are read and checked now. Raises TemplateError."""
        return Composer(self.site(), self.links())

    def steady_composer(self) -> SteadyComposer:
        """The same, but where the operator's templates are broken it takes the shipped ones."""
        return SteadyComposer(self.site(), self.links(), self.faults.tell)

    def check_templates(self) -> None:
        """Raises TemplateError for a broken template of the operator. Looks again only after a change."""
        self.faults.check(lambda: (self.composer(), Letters(self.site())))

    def template_fault(self) -> str | None:
        """What keeps new issues from being made; None if every template of the operator can be used."""
        try:
            self.check_templates()
        except TemplateError as error:
            return str(error)
        return None

    def links(self) -> Links:
        """Makes and reads signed links."""
        return Links(self.settings.base_url, self.keys())

    def renderer(self) -> Renderer:
        """Turns deliveries into messages."""
        maker = SteadyLetters(self.site(), self.faults.tell)
        letters = partial(letters_of.write, maker, self.links())
        return Renderer(
            self.db,
            self.steady_composer(),
            key=self.keys()[0],
            domain=self.site().domain,
            letters=letters,
            signing=dkim_keys(self.settings),
            host=self._host(),
            faults=partial(self.faults.keep, self.db, self.clock()),
        )

    def _host(self) -> str:
        """The mail server, by name; empty without one."""
        relay = self.relay()
        return relay.host if relay else ""

    async def carries(self, emails: Iterable[str]) -> bool:
        """Can the way out carry these addresses? The mail server is asked only where that is a question."""
        return await reach.carries(self.db, self.relay(), emails, self.clock())

    def relay(self) -> Relay | None:
        """The mail server; None: there is only the outbox folder. Raises ConfigError."""
        return _relay(self.settings)

    def transport(self) -> Transport:
        """SMTP if DIGEST_SMTP_URL is set, else the outbox folder."""
        relay = self.relay()
        if relay is None:
            return FileTransport(self.settings.outbox)
        return SmtpTransport(
            relay,
            connections=self.settings.smtp_connections,
            rate=self.settings.smtp_rate,
        )

    def return_path(self, delivery: Delivery) -> str:
        """Where bounces of this delivery go."""
        mailbox = self.settings.bounce_address
        if mailbox is None:
            return parseaddr(self.settings.from_)[1]
        return verp.return_path(mailbox, delivery.id, self.keys()[0])

    def way(self) -> Way:
        """How messages go out; the transport and the templates are asked for when there is work."""
        return Way(
            transport=self.transport,
            render=self.renderer,
            return_path=self.return_path,
            check=self.check_templates,
            carries=self.carries,
            leaves=self.settings.smtp_url is not None,
            resend=self.settings.uncertain == "resend-once",
        )

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """The right to write a pass; see `pipeline.lease.holding`. Raises HeldError where all moved away."""
        await epoch.check_stays(self.db)
        async with holding(self.db, "pass", self.worker):
            yield

    def _intake(self) -> str | None:
        """The mailbox that `digest bounces` reads, if there is one."""
        listens = self.settings.bounce_url or self.settings.lmtp_listen
        return self.settings.bounce_address if listens else None

    def keys(self) -> tuple[str, ...]:
        """The keys of signed links and return paths, the signing one first. Raises ConfigError."""
        return signing_keys(self.settings, self.db.path)


@asynccontextmanager
async def desk(
    config: Path | None = None, now: str | None = None, *, reads: bool = False
) -> AsyncIterator[Desk]:
    """Read the settings, bring the database up to date, open it; close it at the end.

    A command that `reads` subscribers.yaml leaves nothing behind where there is none.
    """
    settings = read_settings()
    roster_path, db = config or settings.config, Database(settings.database_url)
    if reads and db.is_sqlite and not roster_path.exists():
        read_roster(roster_path)
    _relay(settings)
    use_model(settings.model, note)
    fixed = read_time(now)
    _tell_new(db, roster_path)
    await asyncio.to_thread(upgrade, settings.database_url, _utc_now())
    try:
        if (hold := await epoch.held(db)) and hold.moved:
            note(hold.reason)
        yield Desk(
            settings=settings,
            roster_path=roster_path,
            db=db,
            clock=(lambda: fixed) if fixed else _utc_now,
            worker=worker_name(),
            faults=Faults(settings.templates),
        )
    finally:
        await db.close()


def _tell_new(db: Database, roster_path: Path) -> None:
    """A file that is read from another folder: who has a database beside it would be written to again."""
    path = db.path
    if path and not path.exists() and path.resolve().parent != roster_path.resolve().parent:
        note(
            f"{path.resolve()} is a new database, in which nobody was sent anything; one that lies beside "
            f"{roster_path} is used from its folder, or by DIGEST_DATABASE_URL"
        )


def _relay(settings: Settings) -> Relay | None:
    return parse_relay(settings.smtp_url.get_secret_value()) if settings.smtp_url else None


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine with logs on standard error."""
    _configure_logs()
    return run_loop(work)


def note(text: str) -> None:
    """Tell a person something, beside the result: on standard error."""
    typer.echo(text, err=True)


def note_fault(tools: Desk) -> None:
    """Tell of a broken subscribers.yaml where a command can do its work without it."""
    if fault := tools.roster_fault():
        show_error(fault)


def show_error(text: str) -> None:
    """One line a fault, on standard error."""
    for line in text.splitlines():
        typer.echo(f"digest: {line}", err=True)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _configure_logs() -> None:
    """Errors only at a prompt: reports tell the rest in sentences; the daemon says more."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
