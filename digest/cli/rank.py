"""`digest rank`: a file of papers against topics; needs no configuration and no database."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from digest.cli.rank_files import Query, read_papers, read_queries
from digest.config import read_settings
from digest.errors import RankError
from digest.match import build_index, check_topic, rank_ids
from digest.match import rank as rank_topics
from digest.match.meaning import Space
from digest.models import Match, Paper, Topic
from digest.pipeline.model import open_space

TABLE_ROWS = 20
LIST_LENGTH = 100

Run = dict[str, list[tuple[str, float]]]


def rank(
    papers: Annotated[
        Path, typer.Argument(help="One JSON object a line: id, title, abstract.", metavar="PAPERS")
    ],
    queries: Annotated[Path | None, typer.Option(help="One JSON object a line: qid, topic, liked.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="A topic in words; repeatable.")] = None,
    top: Annotated[
        int | None, typer.Option(min=0, help="Longest list; 0 = all. [default: 100; a table: 20]")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the lists as JSON to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lists as JSON.")] = False,
) -> None:
    """Rank a file of papers against topics, without a database."""
    asked = _asked(queries, topic or [])
    known = read_papers(papers)
    limit = {None: LIST_LENGTH if queries or as_json or output else TABLE_ROWS, 0: None}.get(top, top)
    space = open_space(read_settings().model, lambda text: typer.echo(f"digest: {text}", err=True))
    if not (queries or as_json or output):
        _print_tables(known, asked, rank_topics(build_index(known, space), _topics(asked), limit=limit))
        return
    run = _ranked(known, asked, limit, space)
    if output:
        _write(output, run)
    if as_json or not output:
        typer.echo(json.dumps(run, ensure_ascii=False))


def _asked(queries: Path | None, topics: Sequence[str]) -> list[Query]:
    """The queries of the file, or the topics of the command line; raises RankError."""
    if bool(queries) == bool(topics):
        raise RankError('give either --queries FILE or --topic "what the papers are about"')
    if queries:
        asked = read_queries(queries)
        for query in asked:
            _warn_if_wordless(query)
        return asked
    for text in topics:
        check_topic(Topic(name=text))
    return [Query(qid=text, topic=Topic(name=text)) for text in dict.fromkeys(topics)]


def _warn_if_wordless(query: Query) -> None:
    """One query without words must not stop the others: it gets an empty list and a sentence."""
    try:
        check_topic(query.topic)
    except RankError as error:
        typer.echo(f"{query.qid}: {error}", err=True)


def _ranked(papers: Sequence[Paper], asked: Sequence[Query], limit: int | None, space: Space | None) -> Run:
    """The list of each query, cut to `limit` after its candidates were picked out."""
    by_id = {paper.id: paper for paper in papers}
    free = limit if not any(query.candidates for query in asked) else None
    ranked = rank_ids(build_index(papers, space), _topics(asked), examples=by_id, limit=free)
    return {
        query.qid: [
            (paper, score)
            for paper, score in found.items()
            if not query.candidates or paper in query.candidates
        ][:limit]
        for query, found in zip(asked, ranked, strict=True)
    }


def _topics(asked: Sequence[Query]) -> list[Topic]:
    return [query.topic for query in asked]


def _write(path: Path, run: Mapping[str, Iterable[tuple[str, float]]]) -> None:
    try:
        path.write_text(json.dumps(run, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise RankError(f"{path} cannot be written: {error.strerror or error}") from error
    typer.echo(f"{len(run)} lists written to {path}", err=True)


def _print_tables(papers: Sequence[Paper], asked: Sequence[Query], ranked: Sequence[Sequence[Match]]) -> None:
    titles = {paper.id: paper.title for paper in papers}
    console = Console()
    for query, matches in zip(asked, ranked, strict=True):
        if not matches:
            console.print(f"{query.qid}: no paper holds any of these words", markup=False)
            continue
        table = Table(title=query.qid.replace("[", r"\["), title_justify="left", box=None, pad_edge=False)
        for name in ("score", "paper", "because"):
            table.add_column(name, justify="right" if name == "score" else "left")
        for match in matches:
            title = " ".join(titles[match.paper_id].split()).replace("[", r"\[")
            table.add_row(str(match.percent), title, ", ".join(match.because).replace("[", r"\["))
        console.print(table)
