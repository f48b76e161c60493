"""What a job of each step does: the same step functions as `digest run`, one after another or side by side.

    ingest ─a pass is committed→ due ─issues are frozen→ deliver        bounces, clean-up: by themselves

Each step asks for the next one when there is work for it, so nothing waits for a tick that need not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from digest.config import Roster, Settings
from digest.engine.jobs import Handler, Job, Step
from digest.engine.metrics import Metrics
from digest.errors import ConfigError, TemplateError
from digest.pipeline import epoch, retention, signup, tally
from digest.pipeline.compose import compose
from digest.pipeline.compose_report import ComposeReport
from digest.pipeline.faults import Faults, keep_roster
from digest.pipeline.ingest import IngestReport, ingest
from digest.pipeline.intake import IntakeReport, import_listed, summary
from digest.pipeline.lease import holding
from digest.pipeline.sending import Way, send_due
from digest.pipeline.workers import worker_name
from digest.storage import passes, search
from digest.storage.database import Database

#: With a newest pass older than this many intervals of ingestion, an issue waits for the next pass.
CURRENT = 2.5

log = structlog.get_logger("digest.engine")


class Tools(Protocol):
    """What the steps work with; a command's desk has it all."""

    @property
    def settings(self) -> Settings:
        """Read once, at the start."""
        ...

    @property
    def db(self) -> Database:
        """Upgraded and open."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The one clock of everything that is due."""
        ...

    def roster(self) -> Roster:
        """subscribers.yaml, read anew. Raises ConfigError."""
        ...

    def way(self) -> Way:
        """How messages go out."""
        ...


class Steps:
    """The handlers of one process."""

    def __init__(
        self,
        tools: Tools,
        metrics: Metrics,
        *,
        ask: Callable[[Step], Any],
        ingest_every: timedelta,
        bounces: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`ask` submits a job; `bounces` makes one pass over the bounce mailbox, if there is one."""
        self._tools = tools
        self._metrics = metrics
        self._ask = ask
        self._current = ingest_every * CURRENT
        self._bounces = bounces
        self._roster: Roster | None = None
        self._ingesting = False
        self._faults = Faults(tools.settings.templates)
        self.sending: set[str] = set()  # names of the runs of delivery that go on

    def handlers(self) -> Mapping[Step, Handler]:
        """Step -> what runs it. All but delivery just end when the process does; it drains."""
        found: dict[Step, Handler] = {
            Step.INGEST: _cut_short(self._tools.db, self._ingest),
            Step.DUE: _cut_short(self._tools.db, self._due),
            Step.DELIVER: self._deliver,
            Step.CLEAN_UP: _cut_short(self._tools.db, self._clean_up),
        }
        return found | (
            {Step.BOUNCES: _cut_short(self._tools.db, self._read_bounces)} if self._bounces else {}
        )

    async def _ingest(self, _job: Job) -> None:
        self._ingesting = True
        try:
            await self._ask_sources()
        finally:
            self._ingesting = False
        self._ask(Step.DUE)

    async def _ask_sources(self) -> None:
        tools = self._tools
        async with holding(tools.db, "pass", worker_name(), patience=0):
            roster = await self._read_roster()
            imported = await self._import(roster)
            if any(summary(imported).values()):
                log.info("subscribers.imported", **summary(imported))
            report = await ingest(tools.db, roster.sources, clock=tools.clock, grace=self._patience())
            async with tools.db.write() as conn:
                await search.catch_up(conn)
        self._tell(report)

    async def _import(self, roster: Roster) -> IntakeReport:
        tools, emails = self._tools, [entry.subscriber.email for entry in roster.listed]
        carried = await tools.way().carries(emails)
        return await import_listed(tools.db, roster.listed, tools.clock(), carried=carried)

    async def _read_roster(self) -> Roster:
        """The file as it is now; while it is broken, as it was when it last was whole."""
        fault = None
        try:
            self._roster = self._tools.roster()
        except ConfigError as error:
            if self._roster is None:
                raise
            fault = str(error)
            log.error("roster.broken", reason=fault)
        await keep_roster(self._tools.db, fault, self._tools.clock())
        return self._roster

    def _tell(self, report: IngestReport) -> None:
        self._metrics.count_papers({source.name: source.new for source in report.sources})
        new = sum(source.new for source in report.sources)
        failed = [source.name for source in report.sources if source.state == "failed"]
        log.info("ingest.done", number=report.number, new=new, papers=report.papers, failed=failed)

    async def _due(self, _job: Job) -> None:
        tools = self._tools
        if not await self._is_current() or not await self._looks_whole():
            return
        if tools.way().leaves:
            await epoch.check(tools.db, tools.clock())
        async with holding(tools.db, "compose", worker_name(), patience=0):
            report = await compose(tools.db, clock=tools.clock, patience=self._patience(), spread=True)
        self._count(report)

    async def _looks_whole(self) -> bool:
        """Nothing new is made while the operator's templates are broken; what waits is sent all the same."""
        try:
            await asyncio.to_thread(self._tools.way().check)
        except TemplateError as error:
            self._faults.tell(error)
            await self._faults.keep(self._tools.db, self._tools.clock())
            return False
        return True

    def _patience(self) -> timedelta:
        """How long an issue waits for a late batch."""
        return timedelta(hours=self._tools.settings.late_hours)

    def _count(self, report: ComposeReport) -> None:
        """Tell what was composed, and send it."""
        if report == ComposeReport():
            return
        made = {"composed": report.composed, "quiet": report.quiet, "waiting": report.waiting}
        self._metrics.count_issues(made)
        log.info("compose.done", **made)
        self._ask(Step.DELIVER)

    async def _is_current(self) -> bool:
        """May issues be made from the papers that are stored? If not, a pass is asked for where it helps."""
        async with self._tools.db.read() as conn:
            last = await passes.last(conn)
        if last is None or self._tools.clock() - last["committed_at"] > self._current:
            if not self._ingesting:  # after an outage: first the papers, then the issues
                self._ask(Step.INGEST)
            return False
        # nobody's first issue is spent on a database without a single paper
        return bool(last["summary"].get("papers")) or not _failed(last["summary"])

    async def _deliver(self, _job: Job, stop: asyncio.Event) -> None:
        tools, worker = self._tools, worker_name()
        await signup.answer_asks(tools.db, tools.clock())  # of a process that died after its response
        self.sending.add(worker)
        try:
            report = await send_due(
                tools.db, tools.way(), clock=tools.clock, worker=worker, patient=True, stop=stop
            )
        finally:
            self.sending.discard(worker)
        if report.selected:
            self._metrics.count_deliveries(report.to_json())
            log.info("deliver.done", **report.to_json(), paused=report.paused)

    async def _read_bounces(self, _job: Job) -> None:
        if self._bounces:
            await self._bounces()

    async def _clean_up(self, _job: Job) -> None:
        tools = self._tools
        async with holding(tools.db, "clean-up", worker_name(), patience=0):
            await signup.tidy(tools.db, tools.clock())
            report = await retention.clean_up(tools.db, kept(tools.settings), tools.clock())
            await tally.recount(tools.db, tools.clock())
        if report.total:
            log.info("clean-up.done", **asdict(report))


def kept(settings: Settings) -> retention.Kept:
    """For how long things are kept; papers and events as long as issues, unless they have a setting."""
    return retention.Kept(
        issues=_days(settings.retention_days),
        papers=_days(settings.retention_paper_days or settings.retention_days),
        events=_days(settings.retention_event_days or settings.retention_days),
    )


def _failed(summary: Mapping[str, Any]) -> bool:
    return any(source["state"] == "failed" for source in summary.get("sources", ()))


def _days(number: int | None) -> timedelta | None:
    return timedelta(days=number) if number else None


def _cut_short(db: Database, step: Callable[[Job], Coroutine[Any, Any, None]]) -> Handler:
    """A step that consists of transactions: when the process stops, it ends between two of them."""

    async def handle(job: Job, stop: asyncio.Event) -> None:
        work, stopped = asyncio.create_task(step(job)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            while db.transactions and not work.done():  # noqa: ASYNC110  a counter has no event
                await asyncio.sleep(0.01)
            if work.done():
                await work
        finally:
            for task in (work, stopped):
                task.cancel()
            await asyncio.gather(work, stopped, return_exceptions=True)

    return handle
