"""Ask a source: one conditional GET, bounded in time and size, polite to its host. Reads no feed.

One request at a time per host; arXiv asks for three seconds between requests over all its hosts
(https://info.arxiv.org/help/api/tou.html). What may pass by itself (a refused connection, 5xx, a cut body)
is tried again at once, up to three times; what the server asks to wait longer for is left to a later pass.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import httpx2
import stamina

from digest import __version__
from digest.errors import FetchError
from digest.ingest import body
from digest.ingest.guard import guarded_transport

USER_AGENT = f"digest-papers/{__version__} (personal digest of scientific papers)"

#: Between two requests to arXiv, in seconds.
ARXIV_PAUSE = 3.0

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an answer is accepted."""

    seconds: float = 60.0  # for the whole answer, redirects included
    size: int = 32 * 2**20  # bytes, after decompression; the largest feed on record has 2.3 MB
    redirects: int = 5
    attempts: int = 3
    patience: float = 10.0  # a Retry-After up to this many seconds is waited for at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What makes the next request conditional."""

    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None


@dataclass(slots=True, kw_only=True)
class Fetched:
    """An answer. `body` is None if nothing changed since the validators were given, and once it was taken."""

    body: bytes | None
    validators: Validators = field(default_factory=Validators)
    cut: bool = False  # the connection broke before the end

    def take(self) -> bytes:
        """The body, which is not held here any more: a large feed is in memory once."""
        content, self.body = self.body or b"", None
        return content


class _PassingError(FetchError):
    """Worth another attempt; `fetched` is what came before the connection broke."""

    fetched: Fetched | None = None


class Fetcher:
    """The way out: an asynchronous context manager that holds the connections of one pass."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self._sleep, self._now = sleep, now
        self._clients: dict[bool, httpx2.AsyncClient] = {}
        self._turns: dict[str, _Turn] = {}
        self._rests: dict[str, tuple[float, str]] = {}  # until when a page asked to be left alone, and how

    async def __aenter__(self) -> "Fetcher":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def fetch(
        self,
        url: str,
        known: Validators | None = None,
        *,
        pause: float | None = None,
        patience: float | None = None,
    ) -> Fetched:
        """The answer of an address that the operator configured.

        `pause` is the least time between two requests to this host; arXiv's own is kept by itself.
        `patience` takes the place of the limits' own.
        Raises FetchError with a sentence, the HTTP status and the server's Retry-After, where there are any.
        """
        if url.startswith("file:"):
            return await asyncio.to_thread(_read_file, url, known or Validators(), self.limits.size)
        host = _host(url)
        try:
            async with self._turn(host, pause):
                self._refuse_resting(url)
                hook = _Wait(self.limits.patience if patience is None else patience, pause or 0.0)
                return await self._persistently(url, known or Validators(), hook)
        except _PassingError as error:
            if error.fetched is not None:
                return error.fetched
            if error.retry_after is not None:
                self._rests[_page(url)] = self._now() + error.retry_after, str(error)
            raise

    def _refuse_resting(self, url: str) -> None:
        """A page that asked us to wait is left alone, whatever the query; raises FetchError."""
        until, sentence = self._rests.get(_page(url), (0.0, ""))
        if until > (now := self._now()):
            raise FetchError(sentence, retry_after=until - now)

    async def _persistently(self, url: str, known: Validators, hook: "_Wait") -> Fetched:
        async for attempt in stamina.retry_context(
            on=hook,
            attempts=self.limits.attempts,
            timeout=None,
            wait_initial=0.3,
            wait_max=3.0,
            wait_jitter=0.3,
        ):
            with attempt:
                return await self._bounded(url, known)
        raise AssertionError("stamina either returns or raises")

    async def _bounded(self, url: str, known: Validators) -> Fetched:
        seconds = self.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(url, known)
        except TimeoutError as error:
            raise FetchError(f"no whole answer within {seconds:g} seconds") from error
        except httpx2.HTTPError as error:
            raise _PassingError(_sentence(error)) from error
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise FetchError(f"not an address that can be asked ({error})") from error

    async def _follow(self, url: str, known: Validators) -> Fetched:
        current = url
        for _ in range(self.limits.redirects + 1):
            client = self._client(trusted=_same_server(url, current))
            async with client.stream("GET", current, headers=_headers(known)) as response:
                if response.status_code not in _REDIRECTS:
                    return await self._answer(response, known)
                current = _target(current, response.headers.get("location", ""))
        raise FetchError(f"more than {self.limits.redirects} redirects, probably in a circle")

    async def _answer(self, response: httpx2.Response, known: Validators) -> Fetched:
        if response.status_code == 304:
            return Fetched(body=None, validators=known)
        if response.status_code != 200:
            raise _refusal(response)
        content, cut = await body.read(response, self.limits.size)
        validators = Validators(
            etag=response.headers.get("etag"),
            last_modified=response.headers.get("last-modified"),
            body_hash=hashlib.sha256(content).hexdigest(),
        )
        if cut:
            broken = _PassingError("the connection broke before the end of the answer")
            broken.fetched = Fetched(body=content, cut=True) if content else None
            raise broken
        if validators.body_hash == known.body_hash:
            return Fetched(body=None, validators=validators)
        return Fetched(body=content, validators=validators)

    def _client(self, *, trusted: bool) -> httpx2.AsyncClient:
        """Two pools that never mix: a connection to a trusted host is out of reach for redirects."""
        if trusted not in self._clients:
            transport = httpx2.AsyncHTTPTransport(trust_env=False) if trusted else guarded_transport()
            self._clients[trusted] = httpx2.AsyncClient(transport=transport, trust_env=False, timeout=30.0)
        return self._clients[trusted]

    @asynccontextmanager
    async def _turn(self, host: str, pause: float | None) -> AsyncIterator[None]:
        """Wait for the host to be free and its pause to be over."""
        arxiv = host == "arxiv.org" or host.endswith(".arxiv.org")
        turn = self._turns.setdefault("arxiv.org" if arxiv else host, _Turn())
        least = max(pause or 0.0, ARXIV_PAUSE if arxiv else 0.0)
        async with turn.lock:
            if turn.free_at > self._now():
                await self._sleep(turn.free_at - self._now())
            try:
                yield
            finally:
                turn.free_at = self._now() + least


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wait:
    """stamina's question: again, and after how long? False, True (its own back-off) or seconds."""

    patience: float
    pause: float

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, _PassingError):
            return False
        if error.retry_after is None:
            return self.pause or True
        return max(error.retry_after, self.pause, 0.01) if error.retry_after <= self.patience else False


def _read_file(url: str, known: Validators, size: int) -> Fetched:
    path = Path(url2pathname(urlsplit(url).path))
    try:
        with path.open("rb") as file:
            content = file.read(size + 1)
    except OSError as error:
        raise FetchError(f"{path} cannot be read ({error.strerror or error})") from error
    if len(content) > size:
        raise FetchError(f"{path} is larger than {size >> 20} MB")
    validators = Validators(body_hash=hashlib.sha256(content).hexdigest())
    return Fetched(body=None if validators == known else content, validators=validators)


def _headers(known: Validators) -> dict[str, str]:
    headers = {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "gzip",
        "Accept": "application/atom+xml, application/rss+xml, application/json, */*;q=0.5",
    }
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


def _host(url: str) -> str:
    """Raises FetchError for what is no address of the web."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise FetchError(f"{url!r} is not an address ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(f"{url!r} is not an http or https address")
    return parts.hostname


def _page(url: str) -> str:
    return url.partition("?")[0]


def _same_server(configured: str, other: str) -> bool:
    """The configured host and port, or the same host by https: what the operator trusts."""
    a, b = urlsplit(configured), urlsplit(other)
    ports = (a.port or _default(a.scheme), b.port or _default(b.scheme))
    return a.hostname == b.hostname and (ports[0] == ports[1] or ports == (80, 443))


def _default(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _target(current: str, location: str) -> str:
    """Where a redirect leads. Raises FetchError for what we do not follow."""
    try:
        target = urljoin(current, location)
        parts = urlsplit(target)
        _ = parts.port
    except ValueError as error:
        raise FetchError(f"a redirect to {location!r} was refused: it is no address") from error
    if (
        not location
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
    ):
        raise FetchError(f"a redirect to {location[:200]!r} was refused: only http and https are followed")
    if urlsplit(current).scheme == "https" and parts.scheme == "http":
        raise FetchError(f"a redirect from https to http ({parts.hostname}) was refused")
    return target


def _refusal(response: httpx2.Response) -> FetchError:
    status = response.status_code
    wait = body.retry_after(response.headers.get("retry-after"), response.headers.get("date"))
    sentence = f"the server answered {status} {response.reason_phrase}".rstrip()
    kind = _PassingError if status in _PASSING else FetchError
    error = kind(
        sentence if wait is None else f"{sentence} and asks to wait {wait:.0f} seconds", retry_after=wait
    )
    error.status = status
    return error


def _sentence(error: httpx2.HTTPError) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "the server does not answer"
    if isinstance(error, httpx2.ConnectError):
        return f"the server cannot be reached ({str(error) or 'connection refused'})"
    return f"the connection failed ({str(error) or type(error).__name__})"
