"""The tables of the machinery: who holds a lease, what is remembered of relays, facts. Same metadata."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from digest.storage.tables import UtcDateTime, metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("leased_until", UtcDateTime, nullable=False),
)

# What is remembered about a mail server between runs.
relays = Table(
    "relays",
    metadata,
    Column("name", String(300), primary_key=True),  # host:port
    Column("next_at", UtcDateTime),  # up to here its messages a second are given away
    Column("paused_until", UtcDateTime),  # it said 421, or refused the login
    Column("pauses", Integer, nullable=False),  # in a row
    Column("reason", Text, nullable=False),
    Column("connections", Integer),  # that it turned out to take, if fewer than we wanted
    Column("connections_at", UtcDateTime),  # when that was learned; it is tried again after a day
)

# What mails showed of papers that were changed since, while one may have to leave again; see `former`.
former_papers = Table(
    "former_papers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(300), nullable=False),
    Column("until_issue", Integer, nullable=False),  # the last issue that was frozen before the change
    Column("content", JSON, nullable=False),
    Column("replaced_at", UtcDateTime, nullable=False),
)
Index("ix_former_papers_until_issue", former_papers.c.until_issue, former_papers.c.id)

# The bytes of messages that may have arrived: who sends one once more sends the same; see `doubts`. The
# foreign key is SQLite's alone (see `deliveries`); on PostgreSQL whoever deletes deliveries deletes these.
doubts = Table(
    "doubts",
    metadata,
    Column(
        "delivery_id",
        Integer,
        ForeignKey("deliveries.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("message", LargeBinary, nullable=False),  # zlib
)

# What the optional model says of texts: float16, keyed by the sha256 of model and text.
vectors = Table(
    "vectors",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
Index("ix_vectors_made_at", vectors.c.made_at)

# Small facts of this installation: its identity and epoch, a pause of all sending.
facts = Table(
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# Papers that readers named as liked or disliked and that nobody gave us when we asked.
wanted = Table(
    "wanted",
    metadata,
    Column("key", String(300), primary_key=True),  # "arxiv:…", "doi:…"
    Column("asks", Integer, nullable=False),  # in a row with the same end
    Column("ask_at", UtcDateTime, nullable=False),  # not again before
    Column("refused_by", String(20)),  # the registry that gave no usable answer; null: nobody knows it
    Column("note", Text, nullable=False),
)
