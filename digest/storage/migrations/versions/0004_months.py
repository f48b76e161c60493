"""Deliveries by month on PostgreSQL, so that retention drops a month as a whole; see `storage.months`.

Nothing is copied: the table of before becomes the first partition. Workers of the version before go on: they
write the same columns, and wait while the indexes are built: nine seconds a million rows, measured.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from digest.storage.months import later, month_of

revision = "0004"
down_revision = "0003"

#: name -> columns and condition, as before.
INDEXES = {
    "ix_deliveries_failed": "(created_at) WHERE state = 'failed'",
    "ix_deliveries_due": "(due_at, id) WHERE state IN ('pending', 'deferred')",
    "ix_deliveries_leased": "(leased_until) WHERE state IN ('claimed', 'data')",
    "ix_deliveries_uncertain": "(id) WHERE state = 'uncertain'",
    "ix_deliveries_subscriber": "(subscriber_id)",
    "ix_deliveries_worker": "(worker)",
    "ix_deliveries_address_hash": "(address_hash)",
}

FOREIGN_KEYS = {
    "fk_deliveries_issue_id": "(issue_id, created_at) REFERENCES issues (id, created_at)",
    "fk_deliveries_subscriber_id": "(subscriber_id) REFERENCES subscribers (id)",
}

#: So that nothing that happens again and again reads all readers: name -> table, columns and condition.
NEW = {
    "ix_deliveries_failed": INDEXES["ix_deliveries_failed"],
    "ix_subscribers_in_file": "(id) WHERE in_file",
    "ix_subscribers_pending": "(created_at) WHERE status = 'pending'",
    "ix_topics_examples": (
        "(subscriber_id) WHERE CAST(liked AS VARCHAR) <> '[]' OR CAST(disliked AS VARCHAR) <> '[]'"
    ),
    "ix_bounces_received_at": "(received_at)",
    "ix_suppressions_created_at": "(created_at)",
    "ix_asks_asked_at": "(asked_at)",
    "ix_asks_unconfirmed": "(asked_at) WHERE confirmed_at IS NULL",
    "ix_asks_typed": "(asked_at) WHERE email IS NOT NULL",
}

#: One moment for an issue and its delivery, as the program has always written it.
SAME_MOMENT = """
UPDATE deliveries SET created_at = (SELECT i.created_at FROM issues AS i WHERE i.id = deliveries.issue_id)
WHERE EXISTS (
  SELECT 1 FROM issues AS i WHERE i.id = deliveries.issue_id AND i.created_at <> deliveries.created_at
)
"""


def upgrade() -> None:
    op.execute(SAME_MOMENT)
    op.drop_index("ix_issues_created_at", "issues")
    op.create_index("ix_issues_created_at", "issues", ["created_at", "id"], unique=True)
    for name, definition in NEW.items():
        op.execute(f"CREATE INDEX {name} ON {name.split('_')[1]} {definition}")
    if op.get_context().dialect.name == "postgresql":
        _set_aside()
        _create_partitioned()
        _attach()


def _set_aside() -> None:
    """Names are for the new table; a bounce names its delivery without a foreign key from now on."""
    op.execute("ALTER TABLE bounces DROP CONSTRAINT fk_bounces_delivery_id")
    op.execute("ALTER TABLE deliveries RENAME TO deliveries_before")
    for name in (*FOREIGN_KEYS, "uq_deliveries_issue_id", "pk_deliveries"):
        op.execute(f"ALTER TABLE deliveries_before DROP CONSTRAINT {name}")
    for name in INDEXES:
        op.execute(f"ALTER INDEX {name} RENAME TO {name}_before")


def _create_partitioned() -> None:
    op.execute(
        "CREATE TABLE deliveries (LIKE deliveries_before INCLUDING DEFAULTS) PARTITION BY RANGE (created_at)"
    )
    op.execute("ALTER SEQUENCE deliveries_id_seq OWNED BY deliveries.id")
    op.execute("ALTER TABLE deliveries ADD CONSTRAINT pk_deliveries PRIMARY KEY (id, created_at)")
    op.execute("ALTER TABLE deliveries ADD CONSTRAINT uq_deliveries_issue_id UNIQUE (issue_id, created_at)")
    for name, key in FOREIGN_KEYS.items():
        op.execute(f"ALTER TABLE deliveries ADD CONSTRAINT {name} FOREIGN KEY {key} ON DELETE CASCADE")
    for name, definition in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON deliveries {definition}")
    op.execute("CREATE TABLE deliveries_other PARTITION OF deliveries DEFAULT")


def _attach() -> None:
    newest: datetime | None = op.get_bind().scalar(sa.text("SELECT max(created_at) FROM deliveries_before"))
    if newest is None:
        op.execute("DROP TABLE deliveries_before")
        return
    end = later(month_of(newest), 1)
    name = f"deliveries_until_{end:%Y_%m}"
    op.execute(f"ALTER TABLE deliveries_before RENAME TO {name}")
    op.execute(
        f"ALTER TABLE deliveries ATTACH PARTITION {name} FOR VALUES FROM (MINVALUE) TO ('{end.isoformat()}')"
    )
