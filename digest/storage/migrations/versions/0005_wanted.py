"""What is remembered of papers that readers named and nobody gave us."""

import sqlalchemy as sa
from alembic import op

from digest.storage.tables import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "wanted",
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.Column("ask_at", UtcDateTime(), nullable=False),
        sa.Column("refused_by", sa.String(length=20), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_wanted")),
    )
