"""The pages under load: wrk with 50 connections, while a delivery run goes on.

    python -m tests.benchmarks.web [--seconds 8] [--papers 3000] [--readers 6000]

Throughput, percentiles and faults (any answer but 2xx, any timeout) of: the home page, a preview that is
cached, previews that are all new, sign-up (each an address of its own) and one-click unsubscribe.
Needs Debian's `wrk`. The papers are the shared corpus if it is there, else made of its few words.
"""

import argparse
import asyncio
import gzip
import json
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from digest.links import Links
from digest.models import Paper, Site
from digest.pipeline.compose import compose
from digest.storage.database import Database
from digest.storage.migrate import upgrade
from tests.make import make_paper, make_topic
from tests.pipeline.steps import announce, subscribe

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "feeds" / "corpus" / "arxiv-cs-2025-09.jsonl.gz"
WORDS = "graph neural speech language vision model protein quantum robot policy data".split()  # noqa: SIM905
CONNECTIONS, KEY = 50, "a key for benchmarks"


@dataclass(frozen=True)
class Result:
    """What wrk measured."""

    name: str
    rate: float
    p50: str
    p99: str
    faults: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--papers", type=int, default=3000)
    parser.add_argument("--readers", type=int, default=6000)
    parser.add_argument("--serve", metavar="PORT", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--deliver", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=None, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve(asked.folder, asked.serve))
    elif asked.deliver:
        asyncio.run(send(asked.folder))
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), asked.seconds, asked.papers, asked.readers)


def measure(folder: Path, seconds: int, papers: int, readers: int) -> None:
    tokens = asyncio.run(prepare(folder, papers, readers))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stamp = Links(None, (KEY,)).stamp(datetime.now(UTC) - timedelta(minutes=1))
    with running("--serve", str(port), folder=folder):
        await_ready(port)
        first_bytes(port)
        with running("--deliver", folder=folder) as delivery:
            results = [run(port, folder, name, script, seconds) for name, script in scripts(tokens, stamp)]
            alive = delivery.poll() is None
    how = "beside a delivery run" if alive else "the delivery run ended before"
    print(f"\n{papers} papers, {CONNECTIONS} connections, {seconds} s each, {how}")
    print(f"{'page':<24}{'requests/s':>12}{'p50':>12}{'p99':>12}{'faults':>8}")
    for result in results:
        print(f"{result.name:<24}{result.rate:>12.0f}{result.p50:>12}{result.p99:>12}{result.faults:>8}")
    if any(result.faults for result in results):
        sys.exit(1)


async def prepare(folder: Path, papers: int, readers: int) -> list[str]:
    """A database with papers, readers and an outbox full of issues; the readers' unsubscribe tokens."""
    upgrade(f"sqlite:///{folder / 'digest.db'}")
    db, now = Database(f"sqlite:///{folder / 'digest.db'}"), datetime.now(UTC)
    await announce(db, *(load(papers) or make(papers)), when=now - timedelta(hours=1))
    followed = [make_topic(f"{a} {b}") for a in WORDS for b in WORDS if a != b]
    stored = [
        await subscribe(db, number, topics=(followed[number % len(followed)],), next_issue_at=now)
        for number in range(1, readers + 1)
    ]
    report = await compose(db, clock=lambda: now)
    print(f"{report.composed} issues wait in the outbox")
    await db.close()
    return [reader.token for reader in stored]


def load(count: int) -> list[Paper]:
    if not CORPUS.exists():
        return []
    found: dict[str, Paper] = {}
    with gzip.open(CORPUS, "rt") as lines:
        for line in lines:
            data = json.loads(line)
            key = f"arxiv:{data['arxiv_id']}"
            found[key] = Paper(
                id=key,
                title=data["title"],
                abstract=data["abstract"],
                url=f"https://arxiv.org/abs/{data['arxiv_id']}",
                categories=tuple(data["categories"]),
                open=True,
                families=("arxiv",),
                votes=len(found) % 50,
            )
            if len(found) == count:
                break
    return list(found.values())


def make(count: int) -> list[Paper]:
    chance = random.Random(1)
    return [
        make_paper(
            n, title=" ".join(chance.sample(WORDS, 4)), abstract=" ".join(chance.choices(WORDS, k=150))
        )
        for n in range(count)
    ]


async def serve(folder: Path, port: int) -> None:
    """The pages as `digest serve` runs them, with limits that let one network do everything."""
    import uvicorn

    from digest.compose.message import Composer
    from digest.pipeline.signup import Limits
    from digest.web.app import create_app

    db = Database(f"sqlite:///{folder / 'digest.db'}")
    links = Links(f"http://127.0.0.1:{port}", (KEY,))
    site = Site(name="Papers", sender="Papers <digest@papers.dev>", base_url=links.base_url)
    app = create_app(
        db,
        site=site,
        links=links,
        composer=lambda: Composer(site, links),
        clock=lambda: datetime.now(UTC),
        wake=lambda: None,
        limits=Limits(network_hour=10**9, letters_hour=10**9, previews_minute=10**6),
    )
    config = uvicorn.Config(app, port=port, log_level="warning", access_log=False, proxy_headers=False)
    await uvicorn.Server(config).serve()
    await db.close()


async def send(folder: Path) -> None:
    """A delivery run into a folder, by the step of `digest run`."""
    from digest.compose.letters import Letters
    from digest.compose.message import Composer
    from digest.deliver.files import FileTransport
    from digest.pipeline import letters
    from digest.pipeline.deliver import deliver
    from digest.pipeline.render import Renderer
    from digest.pipeline.workers import worker_name

    db = Database(f"sqlite:///{folder / 'digest.db'}")
    site = Site(name="Papers", sender="Papers <digest@papers.dev>")
    links = Links("https://papers.dev", (KEY,))
    write = partial(letters.write, Letters(site), links)
    renderer = Renderer(db, Composer(site, links), key=KEY, domain="papers.dev", letters=write)
    transport = FileTransport(folder / "outbox")
    report = await deliver(
        db,
        transport,
        renderer,
        clock=lambda: datetime.now(UTC),
        worker=worker_name(),
        return_path=lambda _: "digest@papers.dev",
    )
    print(f"delivery: {report.to_json()}", flush=True)
    await db.close()


@contextmanager
def running(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.benchmarks.web", *arguments, "--folder", str(folder)]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def await_ready(port: int) -> None:
    import httpx2

    for _ in range(300):
        try:
            httpx2.get(f"http://127.0.0.1:{port}/", timeout=60, trust_env=False)
            return
        except httpx2.TransportError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def first_bytes(port: int) -> None:
    """Time to the first byte, warm, of single requests."""
    import httpx2

    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for path in (
            "/",
            "/preview?part=1&topics=speech+recognition",
            "/preview?part=1&topics=graph+learning",
            "/",
        ):
            started = time.perf_counter()
            with client.stream("GET", path) as answer:
                answer.read()
            print(f"{path:<48}{(time.perf_counter() - started) * 1000:8.1f} ms")


def scripts(tokens: list[str], stamp: str) -> list[tuple[str, str]]:
    """wrk's script for each page."""
    listed = ",".join(f'"{token}"' for token in tokens)
    count = "local n = math.random(1, 1e9)\n"
    form = 'wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
    words = ",".join(f'"{word}"' for word in WORDS)
    fields = "topics=graph+learning&days=weekdays&at=07:30&zone=UTC&welcome=1"
    return [
        ("home", 'request = function() return wrk.format("GET", "/") end'),
        (
            "preview, cached",
            'request = function() return wrk.format("GET", "/preview?part=1&topics=speech+recognition") end',
        ),
        (
            "preview, new each time",
            f"local w = {{{words}}}\n"
            "request = function() local t = w[math.random(#w)] .. '+' .. w[math.random(#w)] .. '+' .. "
            'math.random(1, 1e9)\nreturn wrk.format("GET", "/preview?part=1&topics=" .. t) end',
        ),
        (
            "subscribe",
            f'{count}{form}request = function() n = n + 1\nreturn wrk.format("POST", "/subscribe", nil, '
            f'"{fields}&stamp={stamp}&email=r" .. n .. "@papers.dev") end',
        ),
        (
            "one-click unsubscribe",
            f"local t = {{{listed}}}\nlocal i = 0\n{form}request = function() i = i % #t + 1\n"
            'return wrk.format("POST", "/unsubscribe/" .. t[i], nil, "List-Unsubscribe=One-Click") end',
        ),
    ]


def run(port: int, folder: Path, name: str, script: str, seconds: int) -> Result:
    path = folder / "script.lua"
    path.write_text(f"init = function() math.randomseed(os.time()) end\n{script}\n")
    command = [
        "wrk",
        "-t2",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--latency",
        "--timeout",
        "10s",
        "-s",
        str(path),
    ]
    told = subprocess.run([*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True)
    text = told.stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return Result(
        name=name,
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", text)),
        p50=_found(r"\n\s+50%\s+(\S+)", text),
        p99=_found(r"\n\s+99%\s+(\S+)", text),
        faults=int(bad[1] if bad else 0) + sum(map(int, lost.groups() if lost else ())),
    )


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "0"


if __name__ == "__main__":
    main()
