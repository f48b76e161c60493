"""The migrations create exactly the tables that the code knows, on either database."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from digest.storage.database import driver_url
from digest.storage.tables import metadata

#: Made by statements: search (`tables_web`), the months of deliveries and their keys (`months`).
BESIDE = (
    "alembic_version",
    "procrastinate",
    "papers_text",
    "deliveries_other",
    "uq_deliveries_issue_id",
    "fk_deliveries_issue_id",
    "fk_bounces_delivery_id",
    "fk_doubts_delivery_id",
)


def test_migrated_schema_is_the_schema_of_the_code(db_url: str) -> None:
    engine = create_engine(driver_url(db_url, sync=True))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert [change for change in found if not any(name in _named(change) for name in BESIDE)] == []


def _named(change: Any) -> str:
    """The change in words, with the name of the constraint that it is about."""
    return f"{change} {getattr(change[1], 'name', '')}" if isinstance(change, tuple) else str(change)


def test_a_delivery_is_one_to_an_issue_on_either_database(db_url: str) -> None:
    engine = create_engine(driver_url(db_url, sync=True))
    inspector = inspect(engine)
    [unique] = inspector.get_unique_constraints("deliveries")
    [foreign] = [key for key in inspector.get_foreign_keys("deliveries") if key["referred_table"] == "issues"]
    engine.dispose()
    assert unique["column_names"] == foreign["constrained_columns"]
    assert foreign["constrained_columns"][0] == "issue_id"
