"""The tables, once, for SQLite and PostgreSQL; the migrations create exactly these (a test compares).

`papers.number` is the compact key that `mailed` and `votes` use; `papers.id` is the public one.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out; SQLite alone would give naive times back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: times are aware UTC")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC, whatever zone the server's session has."""
        return value.astimezone(UTC) if value else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """SQLite's text is read in one step: four times a row of the ledger, the usual two steps cost more
        than all its other columns."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _from_text(value: str | None) -> datetime | None:
    return datetime.fromisoformat(f"{value}+00:00") if value else None


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _required(name: str, *kind: Any, **options: Any) -> Column[Any]:
    return Column(name, *kind, nullable=False, **options)


def partial_index(name: str, *columns: Column[Any], where: str) -> Index:
    """An index of the rows for which `where` holds, on either database."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


sources = Table(
    "sources",
    metadata,
    Column("name", String(200), primary_key=True),
    _required("family", String(200)),
    _required("kind", String(20)),
    _required("url", Text),
    _required("active", Boolean),  # still in subscribers.yaml
    Column("state", String(10)),  # null: never asked
    Column("state_since", UtcDateTime),
    Column("checked_at", UtcDateTime),
    Column("changed_at", UtcDateTime),  # an answer that differed from the one before
    Column("last_new_at", UtcDateTime),
    Column("next_fetch_at", UtcDateTime),  # back-off; null: at once
    _required("failures", Integer),  # in a row
    Column("batch", JSON),  # of the last answer with entries {"date", "ids"}; before it {"since"}
    Column("day", Date),  # the last publishing day that was read (arXiv)
    Column("gap", JSON),  # publishing days that nobody read: {"first": …, "last": …, …}
    Column("error", Text),
)

# Validators of each address: a source of dated requests (Hugging Face) has many.
fetches = Table(
    "fetches",
    metadata,
    _required("source", String(200)),
    _required("url", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", String(64)),
    _required("fetched_at", UtcDateTime),
    PrimaryKeyConstraint("source", "url"),
)

papers = Table(
    "papers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _required("id", String(300), unique=True),
    _required("title", Text),
    _required("abstract", Text),
    _required("authors", JSON),
    _required("url", Text),
    Column("doi", Text),
    _required("version", Integer),
    _required("categories", JSON),
    _required("venue", Text),
    _required("comment", Text),
    _required("licence", Text),
    Column("published_at", UtcDateTime),
    _required("first_seen_at", UtcDateTime),
    _required("first_seen_pass", Integer),
    Column("eligible_at", UtcDateTime),
    Column("eligible_pass", Integer),
    Column("revised_pass", Integer),  # the pass that brought the present version, if not the first
    Column("votes", Integer),
    _required("submitter", Text),
    _required("withdrawn", Boolean),
    _required("families", JSON),
    _required("open", Boolean),
    _required("announced", String(20)),  # of the pass that first saw it
)
Index("ix_papers_eligible_pass", papers.c.eligible_pass)
Index("ix_papers_revised_pass", papers.c.revised_pass)

aliases = Table(
    "aliases",
    metadata,
    Column("key", String(300), primary_key=True),  # "arxiv:…", "doi:…", "title:HASH", "guid:HASH"
    _required("paper", Integer, ForeignKey("papers.number", ondelete="CASCADE")),
)
Index("ix_aliases_paper", aliases.c.paper)

passes = Table(
    "passes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _required("started_at", UtcDateTime),
    Column("committed_at", UtcDateTime),  # null: running, or died
    _required("summary", JSON),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _required("email", Text),  # as the reader wrote it
    _required("address", Text, unique=True),  # case-folded: the identity
    _required("name", Text),
    _required("status", String(12)),
    _required("weekdays", JSON),
    Column("month_day", Integer),
    _required("at", String(5)),  # HH:MM in `zone`
    _required("zone", String(64)),
    _required("max_papers", Integer),
    _required("cut", Float),
    _required("trending", Integer),
    _required("revisions", Boolean),
    _required("quiet_note", Boolean),
    _required("citations", String(8), default=""),
    _required("sources", JSON),
    Column("pause_until", UtcDateTime),
    Column("next_issue_at", UtcDateTime),  # null: nothing scheduled (not active)
    Column("waiting_since", UtcDateTime),  # due time of an issue that waits for a late batch until then
    Column("claimed_until", UtcDateTime),  # a job of the distributed engine composes the issue that is due
    Column("last_pass", Integer),
    _required("token", String(64), unique=True),
    Column("file_hash", String(64)),  # of its entry in subscribers.yaml at the last import
    _required("in_file", Boolean),
    _required("created_at", UtcDateTime),
)
# With the id: a million readers are due at the same minute, and none of them may be sorted.
partial_index("ix_subscribers_due", subscribers.c.next_issue_at, subscribers.c.id, where="status = 'active'")
partial_index(
    "ix_subscribers_unclaimed",
    subscribers.c.next_issue_at,
    subscribers.c.id,
    where="status = 'active' AND claimed_until IS NULL",
)
partial_index("ix_subscribers_claimed", subscribers.c.claimed_until, where="claimed_until IS NOT NULL")
partial_index("ix_subscribers_waiting", subscribers.c.waiting_since, where="waiting_since IS NOT NULL")

partial_index("ix_subscribers_in_file", subscribers.c.id, where="in_file")
partial_index("ix_subscribers_pending", subscribers.c.created_at, where="status = 'pending'")

topics = Table(
    "topics",
    metadata,
    _required("subscriber_id", Integer, ForeignKey("subscribers.id", ondelete="CASCADE")),
    _required("position", Integer),
    _required("name", Text),
    _required("about", Text),
    _required("keywords", JSON),
    _required("exclude", JSON),
    _required("authors", JSON),
    _required("categories", JSON),
    _required("weight", Float),
    _required("liked", JSON),
    _required("disliked", JSON),
    PrimaryKeyConstraint("subscriber_id", "position"),
)
#: Topics that name papers.
WITH_EXAMPLES = "CAST(liked AS VARCHAR) <> '[]' OR CAST(disliked AS VARCHAR) <> '[]'"
partial_index("ix_topics_examples", topics.c.subscriber_id, where=WITH_EXAMPLES)

issues = Table(
    "issues",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _required("subscriber_id", Integer, ForeignKey("subscribers.id", ondelete="CASCADE")),
    _required("due_at", UtcDateTime),
    _required("created_at", UtcDateTime),
    _required("from_pass", Integer),
    _required("to_pass", Integer),
    _required("considered", Integer),
    _required("matched", Integer),
    _required("shown", JSON),  # [[paper id, topic, score, [because]], …]: frozen
    _required("left_out", JSON),
    _required("trending", JSON),
    _required("revised", JSON),
    _required("note", Text),
    UniqueConstraint("subscriber_id", "due_at"),
)
Index("ix_issues_created_at", issues.c.created_at, issues.c.id, unique=True)  # with the id: see `deliveries`

# On PostgreSQL partitioned by the month of `created_at`, which is that of the issue and never changes; the
# keys hold it too, and nothing refers to a delivery by a foreign key. See `months`.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _required("kind", String(12)),
    Column("issue_id", Integer, ForeignKey("issues.id", ondelete="CASCADE"), unique=True),
    Column("subscriber_id", Integer, ForeignKey("subscribers.id", ondelete="CASCADE")),
    _required("letter", String(20), default=""),  # which letter a confirmation or a notice is
    Column("about", Integer),  # the ask or the change of address that the letter is about
    _required("email", Text),
    _required("address_hash", String(64)),  # SHA-256 of the case-folded address, as in `suppressions`
    _required("state", String(12)),
    _required("due_at", UtcDateTime),
    _required("created_at", UtcDateTime),
    _required("attempts", Integer),
    Column("leased_until", UtcDateTime),
    Column("worker", Text),
    Column("message_id", Text),
    Column("body_hash", String(64)),  # of the bytes of the last attempt
    _required("reply", Text),
    Column("settled_at", UtcDateTime),
    _required("resends", Integer),  # after an uncertain end; `resend-once` allows one
    Column("uncertain_at", UtcDateTime),  # when it was first in doubt; kept for the record
)
partial_index(
    "ix_deliveries_due", deliveries.c.due_at, deliveries.c.id, where="state IN ('pending', 'deferred')"
)
partial_index("ix_deliveries_leased", deliveries.c.leased_until, where="state IN ('claimed', 'data')")
partial_index("ix_deliveries_uncertain", deliveries.c.id, where="state = 'uncertain'")
partial_index("ix_deliveries_failed", deliveries.c.created_at, where="state = 'failed'")
Index("ix_deliveries_subscriber", deliveries.c.subscriber_id)
Index("ix_deliveries_worker", deliveries.c.worker)  # the accounting of one run
Index("ix_deliveries_address_hash", deliveries.c.address_hash)

# What came back: bounces and complaints, each mail once.
bounces = Table(
    "bounces",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _required("key", String(64), unique=True),  # SHA-256 of the mail or of the provider's event
    Column("delivery_id", Integer, ForeignKey("deliveries.id", ondelete="SET NULL")),  # SQLite alone
    _required("address_hash", String(64)),
    _required("kind", String(12)),  # hard | soft | complaint
    _required("status", String(20)),  # RFC 3463
    _required("received_at", UtcDateTime),
)
Index("ix_bounces_address_hash", bounces.c.address_hash)
Index("ix_bounces_delivery_id", bounces.c.delivery_id)
Index("ix_bounces_received_at", bounces.c.received_at)

# Mails to the intake that could not be matched, for a person to look at.
strays = Table(
    "strays",
    metadata,
    Column("key", String(64), primary_key=True),
    _required("raw", LargeBinary),
    _required("received_at", UtcDateTime),
)

# A paper reserved for a subscriber: once, for ever. Compact, never partitioned, never expired.
mailed = Table(
    "mailed",
    metadata,
    _required("subscriber_id", Integer, ForeignKey("subscribers.id", ondelete="CASCADE")),
    _required("paper", Integer, ForeignKey("papers.number")),
    PrimaryKeyConstraint("subscriber_id", "paper"),
    sqlite_with_rowid=False,
)
Index("ix_mailed_paper", mailed.c.paper)

votes = Table(
    "votes",
    metadata,
    _required("subscriber_id", Integer, ForeignKey("subscribers.id", ondelete="CASCADE")),
    _required("paper", Integer, ForeignKey("papers.number")),
    _required("value", Integer),  # 1 more like this, -1 not for me
    _required("voted_at", UtcDateTime),
    PrimaryKeyConstraint("subscriber_id", "paper"),
)
Index("ix_votes_paper", votes.c.paper)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", String(64), primary_key=True),  # SHA-256 of the case-folded address
    _required("reason", String(40)),  # forgotten | hard bounce | complaint
    _required("created_at", UtcDateTime),
)
Index("ix_suppressions_created_at", suppressions.c.created_at)

from digest.storage import tables_running, tables_web  # noqa: E402, F401  in the same metadata
