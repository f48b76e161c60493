"""Search over every stored paper: FTS5 on SQLite, a text-search index on PostgreSQL. Decides nothing.

What a person typed is words, never a query language: each word is quoted, all of them must occur. Signs
are nothing to either index, so `C++` and `F#` are looked for as they stand where `C` and `F` are found.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, cast, func, literal_column, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from digest.models import Paper
from digest.storage import papers as stored
from digest.storage.tables import papers, sources
from digest.storage.tables_web import SEARCH_CATCH_UP, SEARCHED_POSTGRESQL

#: Words of a query that count.
WORDS = 12

_WORD = re.compile(r"\w[\w'.+#-]*")

_TEXT: ColumnElement[str] = literal_column(SEARCHED_POSTGRESQL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for; what is empty does not count."""

    words: str = ""
    family: str = ""  # source family
    category: str = ""
    since: datetime | None = None
    until: datetime | None = None  # not included


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of hits."""

    papers: tuple[Paper, ...]
    more: bool


async def search(conn: AsyncConnection, query: Query, *, limit: int, offset: int = 0) -> Found:
    """Papers that hold every word, the best first; without words, the newest first."""
    words = _WORD.findall(query.words)[:WORDS]
    statement = select(papers.c.id).where(
        papers.c.withdrawn.is_(False), *_filters(query), *map(_stands, filter(_is_signed, words))
    )
    if words and conn.dialect.name == "sqlite":
        statement = _by_fts(statement, words)
    elif words:
        statement = _by_tsvector(statement, words)
    else:
        statement = statement.order_by(papers.c.published_at.desc().nulls_last(), papers.c.id)
    ids = list((await conn.execute(statement.limit(limit + 1).offset(offset))).scalars())
    found = await stored.by_ids(conn, ids[:limit])
    return Found(papers=tuple(found[one] for one in ids[:limit] if one in found), more=len(ids) > limit)


async def catch_up(conn: AsyncConnection) -> int:
    """Let the search find what was stored since the last time; gives how many. PostgreSQL needs no help."""
    if conn.dialect.name != "sqlite":
        return 0
    return (await conn.exec_driver_sql(SEARCH_CATCH_UP)).rowcount


async def families(conn: AsyncConnection) -> tuple[str, ...]:
    """Families of the sources that are followed now."""
    rows = await conn.execute(select(sources.c.family).where(sources.c.active).distinct())
    return tuple(sorted(rows.scalars()))


def _by_fts(statement: Select[tuple[str]], words: list[str]) -> Select[tuple[str]]:
    """Title hits weigh as four in the abstract, as in the ranking."""
    quoted = " ".join('"' + word.replace('"', "") + '"' for word in words)
    hits = (
        text(
            "SELECT rowid AS number, bm25(papers_text, 4.0, 1.0, 2.0) AS rank "
            "FROM papers_text WHERE papers_text MATCH :words"
        )
        .bindparams(words=quoted)
        .columns(number=papers.c.number.type, rank=papers.c.number.type)
        .subquery("hits")
    )
    joined = statement.join(hits, hits.c.number == papers.c.number)
    return joined.order_by(hits.c.rank, papers.c.id)


def _by_tsvector(statement: Select[tuple[str]], words: list[str]) -> Select[tuple[str]]:
    asked = func.plainto_tsquery(literal_column("'english'"), _folded(" ".join(words)))
    rank = func.ts_rank(_TEXT, asked)
    return statement.where(_TEXT.bool_op("@@")(asked)).order_by(rank.desc(), papers.c.id)


def _is_signed(word: str) -> bool:
    return word.endswith(("+", "#"))


def _stands(word: str) -> ColumnElement[bool]:
    return or_(*(column.icontains(word, autoescape=True) for column in (papers.c.title, papers.c.abstract)))


def _folded(text_: str) -> str:
    """Letters without their accents, as SQLite's tokenizer makes them."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text_) if not unicodedata.combining(sign))


def _filters(query: Query) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.family:
        found.append(_holds(papers.c.families, query.family))
    if query.category:
        exact = _holds(papers.c.categories, query.category)
        group = cast(papers.c.categories, String).like(f'%"{_plain(query.category)}.%', escape="\\")
        found.append(or_(exact, group))
    at = func.coalesce(papers.c.published_at, papers.c.first_seen_at)
    if query.since:
        found.append(at >= query.since)
    if query.until:
        found.append(at < query.until)
    return found


def _holds(column: ColumnElement[object], value: str) -> ColumnElement[bool]:
    """Is the text one of a JSON list of texts?"""
    return cast(column, String).like(f'%"{_plain(value)}"%', escape="\\")


def _plain(value: str) -> str:
    """A text inside a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", value.replace('"', ""))
