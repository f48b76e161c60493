"""The first tables: exactly those of `tables.py` at the first release."""

from alembic import op

from digest.storage.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
