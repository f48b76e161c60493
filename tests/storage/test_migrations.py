"""The migrations create exactly the tables that the code knows, on either database."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from digest.storage.database import driver_url
from digest.storage.tables import metadata


def test_migrated_schema_is_the_schema_of_the_code(db_url: str) -> None:
    engine = create_engine(driver_url(db_url, sync=True))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    beside = ("alembic_version", "procrastinate", "papers_text")  # search: by statements, see tables_web
    assert [change for change in found if not any(name in str(change) for name in beside)] == []
