"""The body of an answer: unpacked as it comes, never larger than allowed. Also its Retry-After."""

import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from digest.errors import FetchError

_LONGEST = 7 * 86400.0  # no server may silence us for longer


async def read(response: httpx2.Response, size: int) -> tuple[bytes, bool]:
    """The decompressed body, and whether it broke off. Never holds more than `size` bytes of it."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise FetchError(f"the answer is packed as {encoding!r}; only gzip was asked for")
    sink = _Sink(size, packed=encoding not in ("identity", ""))
    try:
        async for chunk in response.aiter_raw():
            sink.take(chunk)
    except (httpx2.RemoteProtocolError, httpx2.ReadError):
        return bytes(sink.body), True
    return bytes(sink.body), not sink.whole


class _Sink:
    """Collects a body, unpacking as it comes: a bomb is noticed before it goes off."""

    def __init__(self, size: int, *, packed: bool) -> None:
        self.body = bytearray()
        self._size = size
        self._unpack = zlib.decompressobj(47) if packed else None  # gzip or zlib, by its first bytes

    def take(self, chunk: bytes) -> None:
        if self._unpack is None:
            self.body += chunk
        else:
            self._inflate(chunk)
        if len(self.body) > self._size:
            raise FetchError(f"the answer is larger than {self._size >> 20} MB")

    def _inflate(self, chunk: bytes) -> None:
        assert self._unpack is not None
        try:
            while chunk and len(self.body) <= self._size and not self._unpack.eof:
                self.body += self._unpack.decompress(chunk, self._size + 1 - len(self.body))
                chunk = self._unpack.unconsumed_tail
        except zlib.error as error:
            raise FetchError("the answer says that it is gzip, and is not") from error

    @property
    def whole(self) -> bool:
        return self._unpack is None or self._unpack.eof


def retry_after(value: str | None, date: str | None) -> float | None:
    """The seconds of a Retry-After header: a number, or a date by the server's own clock; else None."""
    if not value:
        return None
    if value.strip().isdigit():
        return min(float(value), _LONGEST)
    until, now = _http_date(value), _http_date(date or "")
    return min(max((until - now).total_seconds(), 0.0), _LONGEST) if until and now else None


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
