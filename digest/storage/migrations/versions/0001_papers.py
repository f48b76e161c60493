"""Sources, papers and the passes that bring them; full-text search."""

import sqlalchemy as sa
from alembic import op

from digest.storage.tables import UtcDateTime

revision = "0001"
down_revision = None

#: SQLite's index for searching words; JSON holds names in ASCII, so they are decoded.
_NAMES = "(SELECT group_concat(value, ' ') FROM json_each({row}.authors))"
_OUT = (
    "INSERT INTO papers_text(papers_text, rowid, title, abstract, authors) "
    f"VALUES ('delete', old.number, old.title, old.abstract, {_NAMES.format(row='old')}); "
)
_INTO = (
    "INSERT INTO papers_text(rowid, title, abstract, authors) "
    f"VALUES (new.number, new.title, new.abstract, {_NAMES.format(row='new')}); "
)
_INDEXED = "EXISTS (SELECT 1 FROM papers_text_docsize WHERE id = old.number)"
_SEARCH = {
    "sqlite": (
        "CREATE VIRTUAL TABLE papers_text USING fts5(title, abstract, authors, content='papers', "
        "content_rowid='number', tokenize='porter unicode61 remove_diacritics 2')",
        f"CREATE TRIGGER papers_text_gone AFTER DELETE ON papers WHEN {_INDEXED} BEGIN {_OUT}END",
        "CREATE TRIGGER papers_text_changed AFTER UPDATE OF title, abstract, authors ON papers "
        "WHEN (old.title <> new.title OR old.abstract <> new.abstract OR old.authors <> new.authors) "
        f"AND {_INDEXED} BEGIN {_OUT}{_INTO}END",
    ),
    "postgresql": (
        "CREATE INDEX ix_papers_text ON papers USING gin "
        "(to_tsvector('english', title || ' ' || abstract || ' ' || authors::jsonb::text))",
    ),
}


def upgrade() -> None:
    _create_sources()
    _create_fetches()
    _create_papers()
    _create_aliases()
    _create_passes()
    _create_leases()
    _create_facts()
    for statement in _SEARCH[op.get_bind().dialect.name]:
        op.get_bind().exec_driver_sql(statement)


def _create_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("family", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=True),
        sa.Column("state_since", UtcDateTime(), nullable=True),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("last_new_at", UtcDateTime(), nullable=True),
        sa.Column("next_fetch_at", UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("batch", sa.JSON(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("gap", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )


def _create_fetches() -> None:
    op.create_table(
        "fetches",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("body_hash", sa.String(length=64), nullable=True),
        sa.Column("fetched_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "url", name=op.f("pk_fetches")),
    )


def _create_papers() -> None:
    op.create_table(
        "papers",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("doi", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("first_seen_pass", sa.Integer(), nullable=False),
        sa.Column("eligible_at", UtcDateTime(), nullable=True),
        sa.Column("eligible_pass", sa.Integer(), nullable=True),
        sa.Column("revised_pass", sa.Integer(), nullable=True),
        sa.Column("votes", sa.Integer(), nullable=True),
        sa.Column("submitter", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("families", sa.JSON(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("announced", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_papers")),
        sa.UniqueConstraint("id", name=op.f("uq_papers_id")),
    )
    op.create_index("ix_papers_eligible_pass", "papers", ["eligible_pass"], unique=False)
    op.create_index("ix_papers_revised_pass", "papers", ["revised_pass"], unique=False)


def _create_aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("paper", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"], ["papers.number"], name=op.f("fk_aliases_paper"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_aliases")),
    )
    op.create_index("ix_aliases_paper", "aliases", ["paper"], unique=False)


def _create_passes() -> None:
    op.create_table(
        "passes",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("committed_at", UtcDateTime(), nullable=True),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_passes")),
    )


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("leased_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )


def _create_facts() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
