"""What a mail that leaves twice is made of: papers as they were, and whole messages in doubt."""

import sqlalchemy as sa
from alembic import op

from digest.storage.tables import UtcDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _create_former_papers()
    _create_doubts()


def _create_former_papers() -> None:
    op.create_table(
        "former_papers",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("until_issue", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_former_papers")),
    )
    op.create_index("ix_former_papers_until_issue", "former_papers", ["until_issue", "id"], unique=False)


def _create_doubts() -> None:
    op.create_table(
        "doubts",
        sa.Column("delivery_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_doubts")),
        *_foreign_keys(),
    )


def _foreign_keys() -> list[sa.ForeignKeyConstraint]:
    """On PostgreSQL nothing refers to a delivery by a foreign key: see 0004."""
    if op.get_context().dialect.name == "postgresql":
        return []
    name = op.f("fk_doubts_delivery_id")
    return [sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=name, ondelete="CASCADE")]
