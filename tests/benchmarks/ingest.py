"""Entries a second and memory from bytes to stored papers, beside feedparser alone in the same run.

    python -m tests.benchmarks.ingest [--papers 11000] [--steps 4]

The whole step runs as in `digest ingest`: read a file, parse in the child, identify, store in a new SQLite
file. Memory is what the processes hold beyond their imports, parent and child together, sampled.
The corpus is ../shared/feeds/corpus, or the package's example under new ids where that is missing.
"""

import argparse
import asyncio
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from xml.sax.saxutils import escape

import feedparser

from digest.ingest import example
from digest.ingest.child import Reader
from digest.models import Source, SourceKind
from digest.pipeline.ingest import ingest
from digest.storage.database import Database
from digest.storage.migrate import upgrade

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "feeds" / "corpus" / "arxiv-cs-2025-09.jsonl.gz"
NOW = datetime(2025, 9, 30, 12, tzinfo=UTC)


def papers() -> Iterator[dict[str, str]]:
    """Title, abstract, authors and categories of papers, without end."""
    if CORPUS.exists():
        lines = gzip.decompress(CORPUS.read_bytes()).splitlines()
        found = [json.loads(line) for line in lines]
        plain = [
            {"title": p["title"], "abstract": p["abstract"], "authors": p.get("authors", "")} for p in found
        ]
    else:
        entries = example.read(example.load("arxiv"))
        plain = [{"title": e.title, "abstract": e.abstract, "authors": ", ".join(e.authors)} for e in entries]
    return cycle(plain)


def atom(count: int) -> bytes:
    """A feed in the form of rss.arxiv.org/atom."""
    rows = "".join(_entry(number, paper) for number, paper in enumerate(islice(papers(), count)))
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<feed xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns="http://www.w3.org/2005/Atom"><id>http://rss.arxiv.org/atom/cs</id><title>cs updates</title>'
        f"<updated>2025-09-30T04:00:00+00:00</updated>{rows}</feed>"
    ).encode()


def _entry(number: int, paper: dict[str, str]) -> str:
    identifier = f"25{9 + number // 99_999:02}.{number % 99_999:05}"
    authors = paper["authors"]
    names = authors if isinstance(authors, str) else ", ".join(authors)
    return (
        f"<entry><id>oai:arXiv.org:{identifier}v1</id><title>{escape(paper['title'])}</title>"
        f"<updated>2025-09-30T04:00:00+00:00</updated>"
        f'<link href="https://arxiv.org/abs/{identifier}" rel="alternate" type="text/html"/>'
        f"<summary>arXiv:{identifier}v1 Announce Type: new \nAbstract: {escape(paper['abstract'])}</summary>"
        f'<category term="cs.CL"/><category term="cs.LG"/><published>2025-09-30T00:00:00-04:00</published>'
        f"<arxiv:announce_type>new</arxiv:announce_type>"
        f"<dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>"
        f"<dc:creator>{escape(names)}</dc:creator></entry>"
    )


async def alone(path: Path) -> dict[str, float]:
    """What must be paid in any case: feedparser with the same switches."""
    with measured() as figures:
        body = path.read_bytes()
        found = feedparser.parse(BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    return figures | {"papers": len(found.entries)}


async def whole(path: Path) -> dict[str, float]:
    """The step, from a file to stored papers; the child and the database are there before."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/digest.db"
        upgrade(url)
        db, reader = Database(url), Reader()
        await reader.parse(atom(1))
        source = Source(name="file", family="file", kind=SourceKind.FEED, url=path.as_uri())
        with measured() as figures:
            report = await ingest(db, [source], clock=lambda: NOW, reader=reader)
        await db.close()
    return figures | {"papers": report.papers}


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Seconds, and the greatest memory of this process and its children beyond what they began with."""
    floor, peak, done = _memory(), 0.0, threading.Event()
    figures: dict[str, float] = {}

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, _memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, spent = time.perf_counter(), _processor()
    yield figures
    figures["seconds"], figures["processor"] = time.perf_counter() - start, _processor() - spent
    done.set()
    watcher.join()
    figures["megabytes"] = peak - floor


def _family() -> list[str]:
    """This process and its children."""
    tasks = Path("/proc/self/task") / str(threading.main_thread().native_id) / "children"
    return ["self", *tasks.read_text().split()]


def _memory() -> float:
    """Resident megabytes of this process and of its children."""
    return sum(_resident(pid) for pid in _family())


def _processor() -> float:
    """Seconds of processor time of this process and of its children: other load does not count."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in _family()]
    living = sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return living + ended.ru_utime + ended.ru_stime


def _resident(pid: str) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0


def run(name: str, path: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.ingest", "--measure", name, "--file", str(path)]
    return dict(
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--papers", type=int, default=11_000)
    parser.add_argument("--steps", type=int, default=4, help="sizes on the way: costs are to be linear")
    parser.add_argument("--measure", choices=["alone", "whole"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        work = {"alone": alone, "whole": whole}[options.measure]
        print(json.dumps(asyncio.run(work(options.file))))
        return
    print("  papers   size  feedparser                whole                      ratio  papers/s")
    for step in range(1, options.steps + 1):
        _compare(options.papers * step // options.steps)


def _compare(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.xml"
        path.write_bytes(atom(count))
        a, b = run("alone", path), run("whole", path)
        size = path.stat().st_size / 2**20
    ratio, speed = b["processor"] / a["processor"], b["papers"] / b["processor"]
    print(f"{count:>8}{size:>4.0f} MB  {_said(a):<25} {_said(b):<25}{ratio:>7.2f}{speed:>10.0f}")


def _said(figures: dict[str, float]) -> str:
    return f"{figures['processor']:.2f} s, {figures['seconds']:.2f} s wall, {figures['megabytes']:.0f} MB"


if __name__ == "__main__":
    main()
