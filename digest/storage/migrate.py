"""Bring a database to the newest schema: Alembic, from inside the package, without an alembic.ini.

Safe while workers run: one upgrade at a time (advisory lock), and every revision only adds what the version
before does not mind; what it took away goes in a later one.
"""

import sqlite3
import time
from datetime import datetime
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.errors import StorageError
from digest.storage import months
from digest.storage.database import APPLICATION_ID, driver_url, explain
from digest.storage.queue import prepare
from digest.storage.standstill import stop_others
from digest.storage.tables import metadata

#: PostgreSQL advisory lock of a running upgrade ("dgst").
LOCK = APPLICATION_ID

#: How often, and after which pause, an upgrade tries to get the tables for itself.
TRIES, PAUSE_SECONDS = 200, 0.2


def upgrade(url: str, now: datetime | None = None) -> bool:
    """Create or upgrade the tables; True if something changed. Raises StorageError for a foreign database.

    With a time, the coming months of deliveries are made as well.
    """
    engine = create_engine(driver_url(url, sync=True))
    where = make_url(url).render_as_string()
    try:
        with engine.connect() as connection:
            _check_ours(connection, where)
            changed = _upgrade(connection, where)
            return _make_ahead(connection, now) or changed
    except DBAPIError as error:
        raise StorageError(explain(error, where) or f"{where}: {error.orig}") from error
    except sqlite3.Error as error:
        raise StorageError(explain(error, where) or f"{where}: {error}") from error
    finally:
        engine.dispose()


async def lacks_migration(conn: AsyncConnection) -> bool:
    """Is the schema older than this program? One of a newer program is fine: revisions only add."""
    found = await conn.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    return found is None or found in _revisions()[1:]


@cache
def _revisions() -> tuple[str, ...]:
    """Every revision that this program knows, the newest first."""
    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    return tuple(script.revision for script in scripts.walk_revisions())


def _upgrade(connection: Connection, where: str) -> bool:
    config = _config(connection)
    _lock(connection)
    before = MigrationContext.configure(connection).get_current_revision()
    changed = before != ScriptDirectory.from_config(config).get_current_head()
    if changed:
        _wait_for_tables(connection, where)
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StorageError(
                f"{where}: the database was made by a newer digest (revision {before}); upgrade the program"
            ) from error
    if connection.dialect.name == "postgresql":
        changed = prepare(connection) or changed
    elif changed:
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    if changed:
        connection.commit()
    else:
        connection.rollback()
    return changed


def _make_ahead(connection: Connection, now: datetime | None) -> bool:
    made = months.make_ahead(connection, now) if now else 0
    connection.commit()
    return made > 0


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    else:
        connection.exec_driver_sql("PRAGMA busy_timeout=10000")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _wait_for_tables(connection: Connection, where: str) -> None:
    """While the schema changes, workers wait at their next statement; none is stopped half-way."""
    if connection.dialect.name != "postgresql":
        return
    ours = set(metadata.tables) & set(inspect(connection).get_table_names())
    for _ in range(TRIES if ours else 0):
        if stop_others(connection, sorted(ours)):
            return
        time.sleep(PAUSE_SECONDS)
    if ours:
        raise StorageError(
            f"{where}: the tables are in use all the time; stop the workers (or a dump), then upgrade"
        )


def _check_ours(connection: Connection, where: str) -> None:
    """Refuse an SQLite file that has tables but is not ours: migrating it would damage it."""
    if connection.dialect.name != "sqlite":
        return
    mark = connection.exec_driver_sql("PRAGMA application_id").scalar()
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
    connection.rollback()
    if tables and mark != APPLICATION_ID:
        raise StorageError(
            f"{where}: this database belongs to another program; name another file in DIGEST_DATABASE_URL"
        )
