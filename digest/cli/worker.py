"""`digest worker`: one of any number of workers over one PostgreSQL, until it is told to stop."""

import asyncio
import signal
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from digest.cli import options
from digest.cli.bounces import bounce_pass
from digest.cli.desk import Desk, desk, note
from digest.cli.logs import configure_service_logs
from digest.cli.run import look_at_templates
from digest.cli.stopping import run_loop
from digest.engine import memory
from digest.engine.jobs import Step
from digest.engine.metrics import Metrics
from digest.engine.ticks import INTERVALS
from digest.errors import ConfigError


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Jobs at a time in this process.")] = 2,
    queues: Annotated[
        str, typer.Option(help="Which work to take, comma-separated.", metavar="NAMES")
    ] = "ingest,compose,deliver",
    config: options.Config = None,
) -> None:
    """Work for `digest serve` on PostgreSQL: ingest, compose, deliver; until Ctrl-C or SIGTERM."""
    configure_service_logs()
    memory.use_little()
    run_loop(_worker(config, concurrency, read_queues(queues)))


def read_queues(text: str) -> list[str]:
    """The queues that the option names. Raises ConfigError."""
    from digest.engine.distributed import QUEUES

    known, named = dict.fromkeys(QUEUES.values()), [name.strip() for name in text.split(",")]
    for name in named:
        if name not in known:
            raise ConfigError(f'--queues: there is no "{name}"; choose from {", ".join(known)}')
    return named


async def _worker(config: Path | None, concurrency: int, queues: list[str]) -> None:
    async with desk(config) as tools:
        if tools.db.is_sqlite:
            raise ConfigError(
                "workers need PostgreSQL; set DIGEST_DATABASE_URL=postgresql://… and move the data with "
                "`digest db copy`, or let `digest serve` do all the work on SQLite"
            )
        await look_at_clock(tools)
        await look_at_templates(tools)  # before any job is taken
        if "ingest" in queues:
            tools.roster()
        note(f"digest works on {', '.join(queues)}; stop it with Ctrl-C")
        await work(tools, concurrency, queues, stop_on_signals())


async def look_at_clock(tools: Desk) -> None:
    """Leases are times: who is ahead by one takes over what others still send. Raises ConfigError."""
    from digest.pipeline.doctor.machine import SKEW, clock_skew

    skew = await clock_skew(tools.db, tools.clock)
    if abs(skew) > SKEW:
        minutes, side = abs(skew) // timedelta(minutes=1), "ahead of" if skew > timedelta() else "behind"
        raise ConfigError(
            f"the clock of this machine is {minutes} minutes {side} that of PostgreSQL, and what a worker "
            "sends is its own for a time: set both clocks by NTP"
        )


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def work(
    tools: Desk,
    concurrency: int,
    queues: list[str],
    stop: asyncio.Event,
    *,
    ingest_every: timedelta = timedelta(seconds=INTERVALS[Step.INGEST]),
) -> None:
    """Take jobs until `stop`; `ingest_every` is the tickers' interval by the clock of the tools."""
    from digest.engine.distributed import DistributedEngine
    from digest.engine.distributed_steps import DistributedSteps

    metrics = Metrics()
    engine = DistributedEngine(
        tools.settings.database_url,
        metrics=metrics,
        clock=tools.clock,
        queues=queues,
        concurrency=concurrency,
    )
    steps = DistributedSteps(
        tools, metrics, engine=engine, ingest_every=ingest_every, bounces=bounce_pass(tools)
    )
    async with engine:
        engine.handle(steps.handlers(), stop)
        await engine.run(stop)
