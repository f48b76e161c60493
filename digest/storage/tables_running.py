"""The tables of the machinery: who holds a lease, what is remembered of relays, facts. Same metadata."""

from sqlalchemy import JSON, Column, Integer, String, Table, Text

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
)

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
