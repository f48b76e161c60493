"""The tables of the pages: who asked, who agreed, which address is changing, how often. Same metadata."""

from sqlalchemy import (
    DDL,
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    event,
)

from digest.storage.tables import UtcDateTime, metadata, papers, partial_index

# What somebody typed into a form. The row is written before the answer, the mail is decided after it.
asks = Table(
    "asks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),  # signup | link
    Column("email", Text),  # null once it has expired
    Column("address_hash", String(64), nullable=False),
    Column("wishes", JSON),  # topics, schedule and the like; null once it has expired
    Column("network", String(50), nullable=False),  # truncated: /24 or /48
    Column("text", String(20), nullable=False),  # version of the words that were agreed to
    Column("asked_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),  # null: no mail was decided yet
    Column("answer", String(20)),  # which letter went out, or why none did
    Column("confirmed_at", UtcDateTime),
    Column("subscriber_id", Integer),  # whom it made active; no foreign key: the record outlives the reader
)
partial_index("ix_asks_open", asks.c.id, where="answered_at IS NULL")
Index("ix_asks_asked_at", asks.c.asked_at)
partial_index("ix_asks_unconfirmed", asks.c.asked_at, where="confirmed_at IS NULL")
partial_index("ix_asks_typed", asks.c.asked_at, where="email IS NOT NULL")
Index("ix_asks_address_hash", asks.c.address_hash)

# The proof of what a reader agreed to and of what was taken back; kept for ever, with a hash only.
consents = Table(
    "consents",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("address_hash", String(64), nullable=False),
    Column("event", String(20), nullable=False),  # confirmed | unsubscribed | refused | forgotten | moved
    Column("at", UtcDateTime, nullable=False),
    Column("network", String(50), nullable=False),
    Column("text", String(20), nullable=False),
    Column("ask_id", Integer),
)
Index("ix_consents_address_hash", consents.c.address_hash)
Index("ix_consents_at", consents.c.at)

address_changes = Table(
    "address_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subscriber_id", Integer, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),  # the new one
    Column("asked_at", UtcDateTime, nullable=False),
    Column("old_at", UtcDateTime),  # when the old address agreed
    Column("new_at", UtcDateTime),  # when the new one did
)
Index("ix_address_changes_subscriber_id", address_changes.c.subscriber_id)

# How often something happened in an hour, by address hash or network: limits survive a restart.
counters = Table(
    "counters",
    metadata,
    Column("bucket", String(120), nullable=False),
    Column("hour", Integer, nullable=False),  # hours since 1970
    Column("number", Integer, nullable=False),
    PrimaryKeyConstraint("bucket", "hour"),
)

# Full-text search. SQLite: an index beside `papers`; PostgreSQL: an index of an expression. No columns of
# ours, so they are statements after `papers` and not tables of the metadata. JSON is stored in ASCII: names
# are decoded, else nobody finds Müller. No trigger indexes new papers: that would cost a pass a third of its
# time, also where nobody searches. `search.catch_up` does it; FTS5's own `docsize` knows which are in.
_NAMES = "(SELECT group_concat(value, ' ') FROM json_each({row}.authors))"
_INTO = (
    "INSERT INTO papers_text(rowid, title, abstract, authors) VALUES (new.number, new.title, new.abstract, "
)
_INDEXED = "EXISTS (SELECT 1 FROM papers_text_docsize WHERE id = old.number)"
_OUT = (
    "INSERT INTO papers_text(papers_text, rowid, title, abstract, authors) "
    "VALUES ('delete', old.number, old.title, old.abstract, "
)
_NEW, _OLD = f"{_INTO}{_NAMES.format(row='new')}); ", f"{_OUT}{_NAMES.format(row='old')}); "
SEARCH_SQLITE = (
    "CREATE VIRTUAL TABLE papers_text USING fts5(title, abstract, authors, content='papers', "
    "content_rowid='number', tokenize='porter unicode61 remove_diacritics 2')",
    f"CREATE TRIGGER papers_text_gone AFTER DELETE ON papers WHEN {_INDEXED} BEGIN {_OLD}END",
    "CREATE TRIGGER papers_text_changed AFTER UPDATE OF title, abstract, authors ON papers "
    "WHEN (old.title <> new.title OR old.abstract <> new.abstract OR old.authors <> new.authors) "
    f"AND {_INDEXED} BEGIN {_OLD}{_NEW}END",
)
#: Brings the papers into the index that came since the last time.
SEARCH_CATCH_UP = (
    "INSERT INTO papers_text(rowid, title, abstract, authors) "
    f"SELECT number, title, abstract, {_NAMES.format(row='papers')} FROM papers "
    "WHERE number > (SELECT coalesce(max(id), 0) FROM papers_text_docsize)"
)
#: What PostgreSQL searches: letters without their accents. The very expression of the index.
SEARCHED_POSTGRESQL = (
    "to_tsvector('english', regexp_replace("
    "normalize(title || ' ' || abstract || ' ' || authors::jsonb::text, NFKD), "
    r"'[\u0300-\u036f]', '', 'g'))"
)
SEARCH_POSTGRESQL = (f"CREATE INDEX ix_papers_text ON papers USING gin ({SEARCHED_POSTGRESQL})",)
for _dialect, _statements in (("sqlite", SEARCH_SQLITE), ("postgresql", SEARCH_POSTGRESQL)):
    for _statement in _statements:
        _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(papers, "after_create", _ddl.execute_if(dialect=_dialect))
