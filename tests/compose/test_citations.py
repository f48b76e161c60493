import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.citations import bibtex, ris
from digest.compose.message import MAX_SIZE, Composer
from tests.compose.conftest import read_message
from tests.make import NOW, make_issue, make_paper, make_papers, make_subscriber

HOSTILE = "}} \n@article{x, title={a}}\r\nER  - \r\nTY  - JOUR {{{ $x_1$ 100% & # ~ ^ \\"


def test_paper_becomes_a_bibtex_entry() -> None:
    assert bibtex([make_paper(1, title="The $k$-means of Schrödinger")]) == (
        "@misc{lovelace2026kmeans,\n"
        "  title = {{The k-means of Schrödinger}},\n"
        "  author = {Ada Lovelace and Émile Noether},\n"
        "  year = {2026},\n"
        "  eprint = {2604.00001},\n"
        "  archiveprefix = {arXiv},\n"
        "  primaryclass = {cs.CL},\n"
        "  url = {https://arxiv.org/abs/2604.00001},\n"
        "}\n"
    )


def test_paper_becomes_a_ris_record() -> None:
    paper = make_paper(1, venue="Nature", doi="10.1038/x")
    assert ris([paper]).split("\r\n") == [
        "TY  - JOUR",
        "TI  - Paper number 1 about something new",
        "AU  - Lovelace, Ada",
        "AU  - Noether, Émile",
        "T2  - Nature",
        "PY  - 2026",
        "DO  - 10.1038/x",
        "AN  - arXiv:2604.00001",
        "UR  - https://arxiv.org/abs/2604.00001",
        "ER  - ",
        "",
    ]


def test_what_is_missing_is_left_out() -> None:
    bare = make_paper(1, id="title:x", authors=(), url="", categories=(), published_at=None)
    assert bibtex([bare]) == "@misc{paper,\n  title = {{Paper number 1 about something new}},\n}\n"
    assert ris([bare]).split("\r\n")[:3] == [
        "TY  - UNPB",
        "TI  - Paper number 1 about something new",
        "ER  - ",
    ]


def test_keys_are_distinct() -> None:
    keys = re.findall(r"@misc\{(.*),", bibtex([make_paper(number) for number in range(40)]))
    assert len(set(keys)) == 40


@given(st.one_of(st.text(max_size=80), st.just(HOSTILE)))
def test_no_text_breaks_out_of_its_field(text: str) -> None:
    paper = make_paper(
        1, title=text, authors=(text, "A and B"), venue=text, doi=text, url=f"https://x.org/{text}"
    )
    entry = bibtex([paper])
    depth = 0
    for character in entry[entry.index("{") : entry.rindex("}")]:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 1
    assert depth == 1
    assert len(re.findall(r"^@\w+\{[a-z0-9-]+,$", entry, re.MULTILINE)) == 1
    records = ris([paper])
    assert len(re.findall(r"^ER  -", records, re.MULTILINE)) == 1
    assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in records.split("\r\n")[:-1])


def test_file_is_attached_for_who_asks(composer: Composer) -> None:
    reader = make_subscriber(citations="bibtex")
    papers = make_papers(make_paper(1), make_paper(2))
    message = composer.message(make_issue(1, 2), reader, papers, message_id="<1@papers.dev>", created_at=NOW)
    body, attached = read_message(message).iter_parts()
    assert [part.get_content_type() for part in body.iter_parts()] == ["text/plain", "text/html"]
    assert attached.get_filename() == "papers.bib"
    assert attached.get_content().replace("\r\n", "\n") == bibtex([*papers.values()])


@pytest.mark.parametrize("kind", ["bibtex", "ris"])
def test_file_of_three_thousand_authors_a_paper_leaves_room_for_the_papers(
    composer: Composer, kind: str
) -> None:
    authors = tuple(f"Ada Łukasz Lovelace the {number}th" for number in range(3000))
    papers = make_papers(*(make_paper(number, authors=authors) for number in range(10)))
    message = composer.message(
        make_issue(*range(10)),
        make_subscriber(citations=kind),
        papers,
        message_id="<1@papers.dev>",
        created_at=NOW,
    )
    assert len(message.raw) <= MAX_SIZE
    assert all(f"Paper number {number} about" in message.html for number in range(10))
    assert len(list(read_message(message).iter_attachments())) == 1


def test_authors_beyond_a_hundred_are_others() -> None:
    entry = bibtex([make_paper(1, authors=tuple(f"Author {number}" for number in range(1, 102)))])
    assert "and Author 100 and others}" in entry
