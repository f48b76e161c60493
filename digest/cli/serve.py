"""`digest serve`: the pages and the scheduler in one process, until it is told to stop."""

import asyncio
import contextlib
import ipaddress
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from digest.cli import options
from digest.cli.bounces import bounce_pass, listening_lmtp
from digest.cli.desk import Desk, desk, note
from digest.cli.logs import configure_service_logs
from digest.cli.run import look_at_templates
from digest.cli.stopping import run_loop
from digest.engine import memory
from digest.engine.service import Service
from digest.errors import ConfigError
from digest.pipeline import epoch, reach
from digest.pipeline.signup import Limits
from digest.web.admin import admin_routes
from digest.web.app import create_app
from digest.web.hooks import hook_routes
from digest.web.operator import Operator

if TYPE_CHECKING:
    from digest.engine.ticker import Ticker

#: How long an answer may take after a stop.
GRACE_SECONDS = 5

#: How long the start waits for the mail server's greeting.
REACH_SECONDS = 5


def serve(
    web: Annotated[
        bool,
        typer.Option(" /--no-web", help="Without pages: only the scheduler.", show_default=False),
    ] = True,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    config: options.Config = None,
) -> None:
    """Serve the pages and run by itself: ingest, compose, deliver, clean up; until Ctrl-C or SIGTERM."""
    configure_service_logs()
    memory.use_little()
    run_loop(_serve(config, host, port, web=web))


async def _serve(config: Path | None, host: str, port: int, *, web: bool) -> None:
    async with desk(config) as tools, listening_lmtp(tools):
        await epoch.check_stays(tools.db)
        if tools.db.is_sqlite:  # past one machine the workers read it
            tools.roster()  # a broken file or template is told before anything is done
        await look_at_templates(tools)
        if web:
            with listening(host, port) as listener:
                await run_with_pages(with_address(tools, listener), listener)
        else:
            note("digest runs without pages; stop it with Ctrl-C")
            await run_until_stopped(make_service(tools))


def make_service(tools: Desk) -> "Service | Ticker":
    """On SQLite this process does all the work; on PostgreSQL it ticks, and `digest worker` works."""
    if tools.db.is_sqlite:
        return Service(tools, bounces=bounce_pass(tools))
    from digest.engine.ticker import Ticker

    note("on PostgreSQL this process only ticks and serves pages: start `digest worker` beside it")
    return Ticker(tools, bounces=bounce_pass(tools) is not None)


async def run_with_pages(
    tools: Desk, listener: socket.socket, service: "Service | Ticker | None" = None
) -> None:
    """Scheduler and pages, until SIGTERM or SIGINT."""
    service = service or make_service(tools)
    token = tools.settings.admin_token or SecretStr(secrets.token_urlsafe(24))
    app = application(tools, service, token.get_secret_value())
    address = tools.settings.base_url
    note(f"digest serves {address}/ and, for the operator, {address}/admin; stop it with Ctrl-C")
    if tools.settings.admin_token is None:
        note(f"admin token for this run: {token.get_secret_value()} (set DIGEST_ADMIN_TOKEN to choose one)")
    await learn_reach(tools)
    async with _answering(app, listener):
        await run_until_stopped(service)


async def learn_reach(tools: Desk) -> None:
    """Ask the mail server once what addresses it carries, so that the forms know; it may be away."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REACH_SECONDS):
            await reach.ask(tools.db, tools.relay(), tools.clock())


def application(tools: Desk, service: "Service | Ticker", token: str) -> Starlette:
    """The pages of a service, the operator's among them."""
    operator = Operator(
        db=tools.db,
        token=token,
        base_url=tools.settings.base_url or "",
        clock=tools.clock,
        service=service,
    )
    return create_app(
        tools.db,
        site=tools.site(),
        links=tools.links(),
        composer=tools.steady_composer,
        clock=tools.clock,
        wake=service.wake,
        trusted_proxies=tools.settings.trusted_proxies,
        faults=service.faults,
        leaves=tools.settings.smtp_url is not None,
        limits=Limits(proof_bits=tools.settings.signup_proof),
        more_routes=[
            *admin_routes(operator),
            *hook_routes(tools.db, _webhook_secret(tools), tools.clock, tools.keys()),
        ],
    )


def _webhook_secret(tools: Desk) -> str | None:
    secret = tools.settings.webhook_secret
    return secret.get_secret_value() if secret else None


async def run_until_stopped(service: "Service | Ticker", stop: asyncio.Event | None = None) -> None:
    """Run the service until SIGTERM or SIGINT; a second signal ends the draining at once."""
    stop, loop = stop or asyncio.Event(), asyncio.get_running_loop()
    hurry = asyncio.Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        await service.run(stop, hurry=hurry)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def with_address(tools: Desk, listener: socket.socket) -> Desk:
    """On loopback the public address needs no setting: it is where we listen."""
    host, port = listener.getsockname()[:2]
    if tools.settings.base_url or not ipaddress.ip_address(host).is_loopback:
        return tools
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if tools.settings.smtp_url:
        note(
            f"DIGEST_BASE_URL is not set: links in mails, to unsubscribe as well, lead to {address}, "
            "which only this machine can open; set it to the address under which readers reach these pages"
        )
    return replace(tools, settings=tools.settings.model_copy(update={"base_url": address}))


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket. Raises ConfigError if there is none to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        place = f"{host} port {port} ({error.strerror or error})"
        raise ConfigError(f"cannot listen on {place}; choose --host and --port") from error
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """Leaves the signals to us: the scheduler must hear them too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def _answering(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    """Answer requests in the time of the block. No access log: addresses hold tokens."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    answering = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await answering
