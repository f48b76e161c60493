"""A database of the first version is brought to the newest schema: nothing is lost, workers only wait."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    DateTime,
    Engine,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    create_engine,
    insert,
    inspect,
    select,
    text,
)

from digest.errors import StorageError
from digest.storage import migrate
from digest.storage.database import APPLICATION_ID, driver_url
from digest.storage.migrate import _config, upgrade
from digest.storage.queue import prepare
from tests.make import NOW

FIRST = "0003"
ROWS = 40

#: What a worker of the first version says again and again: an issue with its delivery, a claim, an outcome.
WORK = (
    "INSERT INTO issues (subscriber_id, due_at, created_at, from_pass, to_pass, considered, matched, shown,"
    " left_out, trending, revised, note) VALUES (:reader, :at, :at, 0, 1, 1, 1, '[]', '[]', '[]', '[]', '')",
    "INSERT INTO deliveries (kind, issue_id, subscriber_id, letter, email, address_hash, state, due_at,"
    " created_at, attempts, reply, resends) SELECT 'issue', id, subscriber_id, '', 'x', 'x', 'pending',"
    " due_at, created_at, 0, '', 0 FROM issues WHERE subscriber_id = :reader AND due_at = :at",
    "WITH due AS (SELECT id FROM deliveries WHERE state IN ('pending', 'deferred') AND due_at <= :at"
    " ORDER BY due_at, id LIMIT 5 FOR UPDATE SKIP LOCKED)"
    " UPDATE deliveries SET state = 'claimed', worker = :worker WHERE id IN (SELECT id FROM due)",
    "UPDATE deliveries SET state = 'sent' WHERE state = 'claimed' AND worker = :worker",
)

LETTER = (
    "INSERT INTO deliveries (kind, letter, email, address_hash, state, due_at, created_at, attempts, reply,"
    " resends) VALUES ('notice', '', 'x', 'x', 'pending', :at, :at, 0, '', 0)"
)


@contextmanager
def first_version(url: str) -> Iterator[Engine]:
    """The database as the first version made it."""
    engine = create_engine(driver_url(url, sync=True))
    with engine.begin() as connection:
        command.upgrade(_config(connection), FIRST)
        if connection.dialect.name == "postgresql":
            prepare(connection)
        else:
            connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    yield engine
    engine.dispose()


def tables(connection: Connection) -> list[Table]:
    """As they are in the database, without those of others."""
    found = MetaData()
    ours = [name for name in inspect(connection).get_table_names() if not name.startswith("procrastinate")]
    found.reflect(connection, only=[name for name in ours if "papers_text" not in name])
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: value(column, number) for column in table.columns}


def value(column: Any, number: int) -> Any:
    kind = column.type
    if isinstance(kind, DateTime):  # over four months; an issue and its delivery at one moment
        at = (NOW + timedelta(days=3 * number, microseconds=number)).replace(tzinfo=None)
        return at if column.table.metadata.info["naive"] else at.replace(tzinfo=UTC)
    if isinstance(kind, JSON):
        return [number, "Gödel", {"deep": [None, 0.1]}]
    if isinstance(kind, LargeBinary):
        return bytes([number])
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Date):
        return NOW.date()
    if isinstance(kind, String):
        return f"{number} Σ"[: kind.length]
    return float(number) if isinstance(kind, Numeric) else number


def fill(connection: Connection) -> dict[str, list[Any]]:
    """Rows in every table; table -> its rows."""
    for table in (known := tables(connection)):
        table.metadata.info["naive"] = connection.dialect.name == "sqlite"
        connection.execute(insert(table), [row(table, number) for number in range(1, ROWS + 1)])
    return {table.name: rows(connection, table) for table in known}


def rows(connection: Connection, table: Table) -> list[Any]:
    return sorted(tuple(map(str, one)) for one in connection.execute(select(table)))


def test_every_row_of_the_first_version_is_still_there(empty_url: str) -> None:
    with first_version(empty_url) as engine:
        with engine.begin() as connection:
            before, columns = (
                fill(connection),
                {table.name: table.columns.keys() for table in tables(connection)},
            )
        assert upgrade(empty_url, NOW) is True
        assert upgrade(empty_url, NOW) is False
        with engine.connect() as connection:
            for table in tables(connection):
                if table.name in columns:
                    found = connection.execute(select(*(table.c[name] for name in columns[table.name])))
                    assert sorted(tuple(map(str, one)) for one in found) == before[table.name], table.name
    assert len(before) >= 18
    assert {len(one) for one in before.values()} == {ROWS}


def test_deliveries_of_before_are_one_part_and_numbers_go_on(empty_postgres_url: str) -> None:
    with first_version(empty_postgres_url) as engine:
        with engine.begin() as connection:
            fill(connection)
            connection.execute(text("SELECT setval('deliveries_id_seq', 40)"))
        upgrade(empty_postgres_url, datetime(2026, 9, 1, tzinfo=UTC))
        with engine.begin() as connection:
            connection.execute(text(LETTER), {"at": datetime(2026, 9, 5, tzinfo=UTC)})
            found = connection.execute(
                text(
                    "SELECT tableoid::regclass::text, count(*), max(id) FROM deliveries GROUP BY 1 ORDER BY 1"
                )
            )
            assert [tuple(one) for one in found] == [
                ("deliveries_2026_09", 1, 41),
                ("deliveries_until_2026_09", 40, 40),
            ]


def test_delivery_takes_the_moment_of_its_issue(empty_url: str) -> None:
    with first_version(empty_url) as engine:
        with engine.begin() as connection:
            fill(connection)
            connection.execute(text("UPDATE deliveries SET created_at = '2025-01-01 00:00:00.000000'"))
        upgrade(empty_url, NOW)
        with engine.connect() as connection:
            joined = "deliveries AS d JOIN issues AS i ON i.id = d.issue_id AND i.created_at = d.created_at"
            assert connection.scalar(text(f"SELECT count(*) FROM {joined}")) == ROWS


def work(engine: Engine, worker: int, stop: threading.Event, faults: list[Exception]) -> None:
    at = NOW
    while not stop.is_set():
        at += timedelta(minutes=1)
        try:
            for statements in (WORK[:2], WORK[2:3], WORK[3:]):
                with engine.begin() as connection:
                    for statement in statements:
                        values = {"reader": worker, "at": at, "worker": f"worker {worker}"}
                        connection.execute(text(statement), values)
        except Exception as error:
            faults.append(error)
            return


@pytest.mark.parametrize("_round", range(3))
def test_workers_of_the_version_before_only_wait(empty_postgres_url: str, _round: int) -> None:
    stop, faults = threading.Event(), list[Exception]()
    with first_version(empty_postgres_url) as engine:
        with engine.begin() as connection:
            fill(connection)
            for name in ("issues", "deliveries"):
                connection.execute(text(f"SELECT setval('{name}_id_seq', {ROWS})"))
        workers = [threading.Thread(target=work, args=(engine, one, stop, faults)) for one in range(1, 4)]
        for worker in workers:
            worker.start()
        try:
            made = wait_for_more(engine, 0)
            upgrade(empty_postgres_url, NOW)
            wait_for_more(engine, made)
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        with engine.connect() as connection:
            states = connection.execute(text("SELECT state, count(*) FROM deliveries GROUP BY 1"))
            found = {one.state: one.count for one in states}
            issues = connection.scalar(text("SELECT count(*) FROM issues"))
    assert not faults
    assert sum(found.values()) == issues
    assert found["sent"] > made - ROWS


def test_tables_that_are_never_free_are_told_and_left_as_they_are(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TRIES", 2)
    with first_version(empty_postgres_url) as engine, engine.connect() as connection:
        fill(connection)
        with pytest.raises(StorageError, match="in use all the time; stop the workers"):
            upgrade(empty_postgres_url, NOW)
        connection.commit()
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == FIRST
        connection.rollback()
        assert upgrade(empty_postgres_url, NOW) is True


def wait_for_more(engine: Engine, than: int) -> int:
    """Work goes on: give the number of deliveries as soon as there are a hundred more."""
    while True:
        with engine.connect() as connection:
            number = connection.scalar(text("SELECT count(*) FROM deliveries")) or 0
        if number > than + 100:
            return number
