"""Search on PostgreSQL without accents: Paez finds Páez, as on SQLite."""

from alembic import op

revision = "0007"
down_revision = "0006"

_FOLDED = (
    "CREATE INDEX ix_papers_text ON papers USING gin (to_tsvector('english', regexp_replace("
    "normalize(title || ' ' || abstract || ' ' || authors::jsonb::text, NFKD), "
    r"'[\u0300-\u036f]', '', 'g')))"
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.get_bind().exec_driver_sql("DROP INDEX IF EXISTS ix_papers_text")
    op.get_bind().exec_driver_sql(_FOLDED)
