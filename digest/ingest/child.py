"""Parsing in a process of its own: killed at its deadline, bounded in memory; the loop never waits.

A thread cannot be killed, and 2 MB of nested tags keep feedparser busy for 6 seconds. The process reads one
document after the other; what it gives back are frames: lists of entries, then the document without them.
"""

import asyncio
import contextlib
import pickle
import signal
import struct
import sys
import time
from dataclasses import fields, replace
from operator import attrgetter
from typing import IO, Any

from digest.errors import ParseError
from digest.ingest.parse import Document, parse
from digest.models import Entry

#: Seconds for any document, and for each megabyte of it: ten times what feedparser needs for real ones.
SECONDS, SECONDS_PER_MB = 10.0, 5.0

#: Address space of the process, in bytes; the largest feed on record needs 100 MB.
MEMORY = 1 << 30

#: Entries travel as the tuples of their values; the slots of the class take them back.
_NAMES = tuple(field.name for field in fields(Entry))
_values = attrgetter(*_NAMES)
_WRITERS = tuple(getattr(Entry, name).__set__ for name in _NAMES)

_LENGTH = struct.Struct(">Q")
_SLICE = 1 << 18  # bytes of a document on their way


class Reader:
    """The parent's side: documents in, entries out, one at a time. Close it."""

    def __init__(self, *, seconds: float = SECONDS, seconds_per_mb: float = SECONDS_PER_MB) -> None:
        self._seconds, self._per_mb = seconds, seconds_per_mb
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> "Reader":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def parse(self, body: bytes) -> Document:
        """As `digest.ingest.parse.parse`, and ParseError if it takes too long or too much memory."""
        seconds = self._seconds + self._per_mb * len(body) / 2**20
        handed = [body]
        del body  # the parent need not hold it while the child reads it
        async with self._lock:
            try:
                async with asyncio.timeout(seconds):
                    return await self._ask(handed, seconds)
            except TimeoutError:
                raise ParseError(f"the answer took longer than {seconds:.0f} seconds to read") from None
            except (asyncio.IncompleteReadError, ConnectionError):
                raise ParseError("the answer could not be read within the memory a feed may take") from None
            finally:
                if sys.exc_info()[0] is not None:
                    await self.close()

    async def _ask(self, handed: list[bytes], seconds: float) -> Document:
        process = await self._started()
        await self._send(process, handed, seconds)
        entries: list[Entry] = []
        while True:
            frame = await self._frame(process)
            if isinstance(frame, list):
                entries += map(_entry, frame)
            elif isinstance(frame, Document):
                return replace(frame, entries=(*entries, *frame.entries))
            else:
                raise ParseError(frame)

    async def _send(self, process: asyncio.subprocess.Process, handed: list[bytes], seconds: float) -> None:
        assert process.stdin is not None
        body = memoryview(handed.pop())
        process.stdin.write(_LENGTH.pack(len(body)) + _LENGTH.pack(int(seconds) + 1))
        for start in range(0, len(body), _SLICE):
            process.stdin.write(body[start : start + _SLICE])
            await process.stdin.drain()

    async def _frame(self, process: asyncio.subprocess.Process) -> Any:
        assert process.stdout is not None
        (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
        return pickle.loads(await process.stdout.readexactly(length))

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                __name__,
                stdin=pipe,
                stdout=pipe,
                stderr=asyncio.subprocess.DEVNULL,
            )
        return self._process

    async def close(self) -> None:
        """End the process; the next document starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """The child's side: read documents until the parent closes the pipe."""
    while header := requests.read(2 * _LENGTH.size):
        length, seconds = _LENGTH.unpack_from(header)[0], _LENGTH.unpack_from(header, _LENGTH.size)[0]
        _bound(seconds)
        try:
            body = requests.read(length)
            _write(answers, parse(body, lambda entries: _write(answers, list(map(_values, entries)))))
        except ParseError as error:
            _write(answers, str(error))
        answers.flush()


def _entry(values: tuple[Any, ...]) -> Entry:
    """An entry out of its values, at a tenth of what pickle takes for a frozen dataclass."""
    entry = object.__new__(Entry)
    for write, value in zip(_WRITERS, values, strict=True):
        write(entry, value)
    return entry


def _write(answers: IO[bytes], frame: list[tuple[Any, ...]] | Document | str) -> None:
    packed = pickle.dumps(frame, protocol=pickle.HIGHEST_PROTOCOL)
    answers.write(_LENGTH.pack(len(packed)))
    answers.write(packed)


def _bound(seconds: int) -> None:
    """Limits that hold even if the parent is gone and cannot kill any more."""
    try:
        import resource
    except ImportError:  # Windows has the parent's deadline alone
        return
    spent = int(time.process_time())
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds + 5, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    serve(sys.stdin.buffer, sys.stdout.buffer)
