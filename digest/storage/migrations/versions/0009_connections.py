"""How many connections a mail server takes is remembered between runs."""

import sqlalchemy as sa
from alembic import op

from digest.storage.tables import UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("relays", sa.Column("connections", sa.Integer(), nullable=True))
    op.add_column("relays", sa.Column("connections_at", UtcDateTime(), nullable=True))
