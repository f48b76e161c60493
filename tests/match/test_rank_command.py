import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from digest.cli.rank import rank
from digest.cli.rank_files import read_papers, read_queries
from digest.errors import RankError

PAPERS = [
    {"id": "a", "title": "Speech separation", "abstract": "We separate speakers."},
    {"id": "b", "title": "Music [source] separation", "abstract": "We separate instruments."},
    {"id": "c", "title": "Storage", "abstract": ""},
]
app = typer.Typer()
app.command()(rank)


def write(path: Path, *lines: Any) -> str:
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines))
    return str(path)


@pytest.fixture
def papers(tmp_path: Path) -> str:
    return write(tmp_path / "papers.jsonl", *PAPERS)


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, arguments, catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout) if result.stdout.startswith("{") else result.output


def test_queries_give_one_list_each(papers: str, tmp_path: Path) -> None:
    queries = write(
        tmp_path / "q.jsonl", {"qid": "1", "topic": "separation of speech"}, {"qid": "2", "topic": "zebra"}
    )
    lists = run(papers, "--queries", queries)
    assert [name for name, _ in lists["1"]] == ["a", "b"]
    assert lists["2"] == []


def test_output_file_holds_what_would_be_printed(papers: str, tmp_path: Path) -> None:
    queries, output = write(tmp_path / "q.jsonl", {"qid": "1", "topic": "speech"}), tmp_path / "run.json"
    run(papers, "--queries", queries, "--output", str(output))
    assert json.loads(output.read_text()) == run(papers, "--queries", queries)


def test_top_cuts_each_list_and_zero_does_not(papers: str) -> None:
    assert len(run(papers, "--topic", "separation", "--json", "--top", "1")["separation"]) == 1
    assert len(run(papers, "--topic", "separation", "--json", "--top", "0")["separation"]) == 2


def test_lone_surrogates_harm_nothing(tmp_path: Path) -> None:
    papers = write(tmp_path / "papers.jsonl", {"id": "a\ud800", "title": "Speech \udc00", "abstract": "x"})
    assert list(run(papers, "--topic", "speech", "--json")) == ["speech"]
    assert "Speech ?" in run(papers, "--topic", "speech")


def test_candidates_are_the_only_ones_ranked(papers: str, tmp_path: Path) -> None:
    query = {"qid": "1", "topic": "separation", "candidates": ["b", "c"]}
    lists = run(papers, "--queries", write(tmp_path / "q.jsonl", query), "--top", "1")
    assert [name for name, _ in lists["1"]] == ["b"]


def test_likes_alone_are_a_query(papers: str, tmp_path: Path) -> None:
    query = {"qid": "1", "task": "likes", "topic": "", "liked": ["a"], "disliked": []}
    lists = run(papers, "--queries", write(tmp_path / "q.jsonl", query))
    assert [name for name, _ in lists["1"]] == ["b"]


def test_table_shows_title_score_and_reason(papers: str) -> None:
    table = run(papers, "--topic", "music", "--topic", "zebra")
    assert "Music [source] separation" in table
    assert "zebra: no paper" in table


def test_query_without_a_word_does_not_stop_the_others(papers: str, tmp_path: Path) -> None:
    queries = write(tmp_path / "q.jsonl", {"qid": "1", "topic": "the"}, {"qid": "2", "topic": "speech"})
    result = CliRunner().invoke(app, [papers, "--queries", queries])
    assert [len(one) for one in json.loads(result.stdout).values()] == [0, 1]
    assert '1: the topic "the" holds no word to rank by' in result.stderr


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "no JSON object a line"),
        ('{"id": ' + "1" * 5000 + "}", "no JSON object a line"),
        ("[" * 100_000, "no JSON object a line (nested too deeply)"),
        ("[1]", "must be a JSON object, not a list"),
        ({"title": "x"}, '"id" must be a text, not missing'),
        ({"id": 7, "title": "x"}, '"id" must be a text, not a number'),
        ({"id": "x", "title": ["x"]}, '"title" must be a text, not a list'),
        ({"id": "x"}, '"title" must be a text, not missing'),
        ({"id": "a", "title": "x"}, 'id "a" was given before, on line 1'),
        ({"id": "x", "title": "x", "authors": "Ada"}, '"authors" must be a list of texts, not a text'),
    ],
)
def test_faulty_paper_is_named_with_file_and_line(tmp_path: Path, line: Any, fault: str) -> None:
    path = write(tmp_path / "papers.jsonl", PAPERS[0], "", line)
    with pytest.raises(RankError) as caught:
        read_papers(Path(path))
    assert str(caught.value).startswith(f"{path}:3: {fault}")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ({"topic": "x"}, '"qid" must be a text, not missing'),
        ({"qid": "1", "topic": None, "liked": [1]}, '"liked" must be a list of texts, not a list'),
        ({"qid": "1", "topic": 3}, '"topic" must be a text, not a number'),
    ],
)
def test_faulty_query_is_named_with_file_and_line(tmp_path: Path, line: Any, fault: str) -> None:
    path = write(tmp_path / "queries.jsonl", line)
    with pytest.raises(RankError) as caught:
        read_queries(Path(path))
    assert str(caught.value).startswith(f"{path}:1: {fault}")


def test_file_that_is_missing_empty_or_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"id": "a"}\n{"id": "\xe9"}')
    (tmp_path / "empty").write_text("\n\n")
    for name, fault in (
        ("latin", "latin:2: not UTF-8"),
        ("empty", "holds no papers"),
        ("none", "cannot be read: No such"),
    ):
        with pytest.raises(RankError, match=fault):
            read_papers(tmp_path / name)


@pytest.mark.parametrize("arguments", [(), ("--topic", "x", "--queries", "q.jsonl"), ("--topic", "the of")])
def test_wrong_use_is_one_sentence(papers: str, arguments: tuple[str, ...]) -> None:
    with pytest.raises(RankError):
        run(papers, *arguments)


def test_packed_papers_are_read_as_they_are(papers: str, tmp_path: Path) -> None:
    packed = tmp_path / "papers.jsonl.gz"
    packed.write_bytes(gzip.compress(Path(papers).read_bytes()))
    assert read_papers(packed) == read_papers(Path(papers))


def test_half_a_packed_file_is_one_sentence(papers: str, tmp_path: Path) -> None:
    packed = tmp_path / "papers.jsonl.gz"
    packed.write_bytes(gzip.compress(Path(papers).read_bytes())[:40])
    with pytest.raises(RankError, match="ends early or is damaged"):
        read_papers(packed)
