"""The parsing process: killed at its deadline, bounded in memory, and never in the way of the loop."""

import asyncio
import gzip
import os
import time
from pathlib import Path

import pytest

from digest.errors import ParseError
from digest.ingest.child import Reader

from .feeds import item, rss

DEEP = b"<rss version='2.0'><channel><item><description>" + b"&lt;div&gt;" * 400_000


async def test_documents_come_back_whole_in_order(reader: Reader) -> None:
    found = await asyncio.gather(*(reader.parse(rss(*map(item, range(n)))) for n in (3, 1, 2)))
    assert [len(document.entries) for document in found] == [3, 1, 2]


async def test_long_feeds_arrive_complete(reader: Reader) -> None:
    body = rss(*(item(1, text=f"Number {n}.") for n in range(1_234)))
    document = await reader.parse(body)
    assert [one.abstract for one in document.entries] == [f"Number {n}." for n in range(1_234)]


async def test_parse_errors_come_back_as_such(reader: Reader) -> None:
    with pytest.raises(ParseError, match="web page"):
        await reader.parse(b"<html></html>")
    assert len((await reader.parse(rss(item(1)))).entries) == 1


async def test_a_document_that_takes_too_long_is_dropped_and_the_next_one_read() -> None:
    async with Reader(seconds=0.5, seconds_per_mb=0.0) as reader:
        start = time.monotonic()
        with pytest.raises(ParseError, match="took longer than"):
            await reader.parse(rss(*(item(1, text="word " * 300) for _ in range(20_000))))
        assert time.monotonic() - start < 5
    async with Reader() as reader:
        assert len((await reader.parse(rss(item(1)))).entries) == 1


async def test_a_process_that_was_killed_is_replaced() -> None:
    async with Reader() as reader:
        await reader.parse(rss(item(1)))
        process = reader._process
        assert process is not None
        process.kill()  # what the system does when memory is short
        await process.wait()
        assert len((await reader.parse(rss(item(1)))).entries) == 1


async def test_the_loop_goes_on_while_a_document_is_read(reader: Reader) -> None:
    await reader.parse(rss(item(1)))
    body = rss(*(item(1, text="word " * 200) for _ in range(1_500)))
    reading = asyncio.ensure_future(reader.parse(body))
    longest, last = 0.0, time.monotonic()
    while not reading.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert len((await reading).entries) == 1_500
    assert longest < 0.5


async def test_cancelling_ends_the_process() -> None:
    reader = Reader()
    await reader.parse(rss(item(1)))
    process = reader._process
    assert process is not None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await reader.parse(rss(*(item(1) for _ in range(10_000))))
    assert process.returncode is not None
    await reader.close()


async def test_deep_nesting_is_survived(reader: Reader) -> None:
    with pytest.raises(ParseError):
        await reader.parse(DEEP)
    assert len((await reader.parse(rss(item(1)))).entries) == 1


async def test_twenty_thousand_items_cost_bounded_time_and_memory(
    reader: Reader, shared: Path | None
) -> None:
    """The largest hostile file: under 30 seconds, under 300 MB."""
    if shared is None:
        return
    await reader.parse(rss(item(1)))
    process = reader._process
    assert process is not None
    packed = shared / "feeds" / "hostile" / "volume" / "many-items.xml.gz"
    document = await reader.parse(gzip.decompress(packed.read_bytes()))
    status = Path(f"/proc/{process.pid}/status").read_text()
    spent = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    assert len(document.entries) == 20_000
    assert (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK") < 30  # processor time
    assert peak < 300
