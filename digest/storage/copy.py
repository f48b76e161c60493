"""Copy a whole database from SQLite into an empty PostgreSQL: every row of every table, or nothing at all.

The source belongs to the copy alone from the first row to the last: while a process has the file open, even
an idle one, nothing is copied, so no sign-up falls between or comes after. It ends marked: whatever finds the
mark knows that this database is not the one that sends any more.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    String,
    Table,
    create_engine,
    delete,
    func,
    insert,
    select,
    text,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError

from digest.errors import BusyError, StorageError
from digest.storage import months
from digest.storage.database import driver_url
from digest.storage.tables import deliveries, metadata
from digest.storage.tables_running import facts, leases

#: Rows of one statement.
ROWS = 1_000

#: How long a command that is just ending is waited for.
PATIENCE_MS = 1_000

#: Leases are about processes: those of the old place mean nothing in the new one.
_TABLES = [table for table in metadata.sorted_tables if table is not leases]

#: Told after each statement: table, rows copied, rows in all.
Progress = Callable[[str, int, int], None]


def copy_all(
    source_url: str,
    target_url: str,
    *,
    mark: Mapping[str, Any],
    now: datetime,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Copy and mark; rows by table. Raises StorageError or BusyError, and then nothing has changed.

    `mark` are facts by name, written into the source alone and only once the copy is complete; both
    databases must be migrated.
    """
    source, target = (create_engine(driver_url(url, sync=True)) for url in (source_url, target_url))
    try:
        with source.connect() as old, target.connect() as new:
            _take_whole(old)
            _refuse_busy(old, now)
            _refuse_filled(new)
            months.cover(new, _months(old))
            counts = {table.name: _copy(old, new, table, progress) for table in _TABLES}
            _verify(new, counts)
            new.commit()
            _mark(old, mark, now)
            old.commit()
            return counts
    except DBAPIError as error:
        reason = str(error.orig).splitlines()[0] if error.orig else type(error).__name__
        raise StorageError(f"the copy stopped and changed nothing: {reason}") from error
    finally:
        source.dispose()
        target.dispose()


def _take_whole(old: Connection) -> None:
    """Lock the file against readers too. The lock is the kernel's: a killed process holds nothing back.

    Whoever has a file in WAL mode open shares a lock on it, so this finds a service that does nothing now.
    Raises BusyError.
    """
    try:
        old.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE_MS}")
        old.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
        old.exec_driver_sql("BEGIN EXCLUSIVE")
    except DBAPIError as error:
        if "locked" not in str(error.orig):
            raise
        raise BusyError(
            "another process uses the SQLite database; stop digest serve first, then copy"
        ) from error


def _refuse_busy(old: Connection, now: datetime) -> None:
    holder = old.execute(select(leases.c.holder).where(leases.c.leased_until > now)).first()
    at_work = old.scalar(select(func.count()).where(deliveries.c.leased_until > now))
    if holder or at_work:
        raise BusyError("digest is at work on the SQLite database; stop it, wait a minute, then copy")


def _refuse_filled(new: Connection) -> None:
    for table in _TABLES:
        if new.execute(select(text("1")).select_from(table).limit(1)).first():
            raise StorageError(
                f"the PostgreSQL database already holds data ({table.name}); copy into an empty one"
            )


def _months(old: Connection) -> set[datetime]:
    """The months of the deliveries to come."""
    month = func.substr(type_coerce(deliveries.c.created_at, String), 1, 7)
    return {
        datetime.fromisoformat(f"{found}-01T00:00:00+00:00")
        for found in old.scalars(select(month).distinct())
    }


def _copy(old: Connection, new: Connection, table: Table, progress: Progress | None) -> int:
    """All rows, in the order of the key; then the next number is the one after the last."""
    done, total = 0, old.scalar(select(func.count()).select_from(table)) or 0
    rows = old.execution_options(yield_per=ROWS).execute(select(table).order_by(*table.primary_key.columns))
    for part in rows.mappings().partitions(ROWS):
        new.execute(insert(table), [_clean(dict(row)) for row in part])
        done += len(part)
        if progress:
            progress(table.name, done, total)
    _continue_numbers(new, table)
    return total


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL holds no NUL characters in texts; nothing that a person reads has one."""
    return {name: value.replace("\0", "") if isinstance(value, str) else value for name, value in row.items()}


def _continue_numbers(new: Connection, table: Table) -> None:
    column = table.autoincrement_column
    if column is None:
        return
    last = new.scalar(select(func.max(column)))
    if last is not None:
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        new.execute(select(func.setval(sequence, last)))


def _verify(new: Connection, counts: Mapping[str, int]) -> None:
    """What PostgreSQL holds is what SQLite gave."""
    found: Sequence[tuple[str, int]] = [
        (table.name, new.scalar(select(func.count()).select_from(table)) or 0) for table in _TABLES
    ]
    if dict(found) != dict(counts):
        raise StorageError("the copy stopped and changed nothing: the tables do not hold as many rows")


def _mark(old: Connection, mark: Mapping[str, Any], now: datetime) -> None:
    for name, value in mark.items():
        old.execute(delete(facts).where(facts.c.name == name))
        old.execute(insert(facts).values(name=name, value=value, changed_at=now))
