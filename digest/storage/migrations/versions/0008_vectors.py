"""What the optional model says of papers and topics."""

import sqlalchemy as sa
from alembic import op

from digest.storage.tables import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "vectors",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_vectors")),
    )
    op.create_index("ix_vectors_made_at", "vectors", ["made_at"], unique=False)
