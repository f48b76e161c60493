"""Connect, read, write: one asynchronous engine for SQLite or PostgreSQL. Holds no business logic.

SQLite needs three things to keep every update (`BEGIN IMMEDIATE`, WAL, a busy timeout): without the
first, 499 of 900 concurrent increments were lost silently. `synchronous=FULL` because a ledger that
forgets a sent message after a power loss sends it twice; commits are grouped where it matters.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.util import find_spec
from json import JSONDecoder
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from digest.errors import ConfigError, StorageError
from digest.extras import install_hint

#: `PRAGMA application_id` of our files ("dgst"): a foreign database is refused, never migrated.
APPLICATION_ID = 0x64677374

#: Bound variables a statement: SQLite allows 32,766, PostgreSQL 65,535.
CHUNK = 5_000

T = TypeVar("T")

_JSON = JSONDecoder()


class Database:
    """One database; `read()` and `write()` are transactions. Close it: its threads outlive the loop."""

    def __init__(self, url: str, *, busy_seconds: float = 10.0) -> None:
        """Address is `sqlite:///file.db` or `postgresql://…`; nothing is opened yet."""
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _engine(url, busy_seconds)
        self._busy_seconds = busy_seconds
        self._sync: Engine | None = None
        self._thread = ThreadPoolExecutor(1, "ledger")
        self.transactions = 0  # open ones: to cancel a task inside of one can leave the file locked
        self._readers = _readers(self._engine) if self.is_sqlite else self._engine

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for PostgreSQL and for databases in memory."""
        name = make_url(self.url).database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view; on SQLite it never waits for a writer. Raises StorageError."""
        async with self._counted(), _told(self), self._readers.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed whole at the end, or rolled back. Raises StorageError."""
        async with self._counted(), _told(self), self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.transactions += 1
        try:
            yield
        finally:
            self.transactions -= 1

    async def write_whole(self, work: Callable[[Connection], T]) -> T:
        """One transaction in one go: a single trip to a thread, not one for each statement.

        For the ledger's groups, where those trips were most of the time. Raises StorageError.
        """
        async with _told(self):
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._whole, work)

    def _whole(self, work: Callable[[Connection], T]) -> T:
        if self._sync is None:
            self._sync = create_engine(driver_url(self.url, sync=True), hide_parameters=True)
            if self.is_sqlite:
                _sqlite_events(self._sync, self._busy_seconds)
        with self._sync.begin() as connection:
            return work(connection)

    async def release(self) -> None:
        """Close the idle connections, so that the file is free; the next use opens new ones."""
        await self._engine.dispose()

    async def close(self) -> None:
        """Close every connection; an open one can hang the exit of the process."""
        await self._engine.dispose()
        if self._sync is not None:
            self._sync.dispose()
        self._thread.shutdown()


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterable[Sequence[T]]:
    """Slices of at most `size` items: databases limit the variables of a statement."""
    return (items[start : start + size] for start in range(0, len(items), size))


def driver_url(url: str, *, sync: bool = False) -> str:
    """The address with our drivers: aiosqlite (or sqlite3) and psycopg 3. Raises ConfigError without it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.set(drivername="sqlite" if sync else "sqlite+aiosqlite").render_as_string(False)
    if find_spec("psycopg") is None:
        raise ConfigError(f"PostgreSQL needs its driver: {install_hint('postgres')}")
    return parsed.set(drivername="postgresql+psycopg").render_as_string(False)


def _engine(url: str, busy_seconds: float) -> AsyncEngine:
    engine = create_async_engine(
        driver_url(url),
        json_deserializer=_from_json if url.startswith("sqlite") else None,
        pool_pre_ping=not url.startswith("sqlite"),
        hide_parameters=True,  # addresses and texts stay out of logs and errors
    )
    if url.startswith("sqlite"):
        _sqlite_events(engine.sync_engine, busy_seconds)
    return engine


def _from_json(text: str) -> Any:
    """A list as we stored it. Most are empty; of the time of `json.loads` half goes into looking around."""
    return [] if text == "[]" else _JSON.raw_decode(text)[0]


def _sqlite_events(engine: Engine, busy_seconds: float) -> Engine:
    event.listen(engine, "connect", _pragmas(busy_seconds))
    event.listen(engine, "begin", _begin)
    return engine


def _readers(engine: AsyncEngine) -> AsyncEngine:
    return engine.execution_options(digest_begin="BEGIN")


def _begin(connection: Any) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("digest_begin", "BEGIN IMMEDIATE"))


def _pragmas(busy_seconds: float) -> Any:
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # our "begin" event starts transactions, not the driver
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={int(busy_seconds * 1000)}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return configure


@asynccontextmanager
async def _told(database: Database) -> AsyncIterator[None]:
    """Turn what the operator can mend into one sentence; programming errors pass."""
    try:
        yield
    except DBAPIError as error:
        reason = explain(error, str(database.path or make_url(database.url).render_as_string()))
        if reason is None:
            raise
        raise StorageError(reason) from error


def explain(error: BaseException, where: str) -> str | None:
    """One sentence for an error of the database that an operator can mend, else None."""
    text = str(getattr(error, "orig", error)).lower()
    for mark, sentence in _REMEDIES:
        if mark in text:
            return f"{where}: {sentence}"
    if isinstance(error, OperationalError | sqlite3.OperationalError):
        return (
            f"{where}: the database does not answer ({text.strip().splitlines()[0] if text else 'no reason'})"
        )
    return None


_REMEDIES = (
    ("database is locked", "another process holds the database; wait for it or stop it, then try again"),
    ("not a database", "the file is not an SQLite database; name another one in DIGEST_DATABASE_URL"),
    ("disk is full", "the disk is full; free some space, then run again (nothing stored is lost)"),
    ("no space left", "the disk is full; free some space, then run again (nothing stored is lost)"),
    ("disk i/o error", "the disk could not be written; check its space and health, then run again"),
    ("readonly database", "the database cannot be written; check the owner and mode of file and folder"),
    ("unable to open", "the database cannot be opened; check that its folder exists and may be written"),
    ("malformed", "the database file is damaged; restore it from a backup"),
    ("no such table", "the database holds no digest tables; run `digest db upgrade`"),
)
