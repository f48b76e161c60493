"""The recorded, hostile and malformed corpora beside the checkout; without them there is nothing to read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.errors import ParseError
from digest.ingest.parse import parse
from digest.models import Entry

from .feeds import entries, item, read, rss

DATA = Path(__file__).parents[1] / "data"
CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")


def shared_files(shared: Path | None, *folders: str) -> Iterator[Path]:
    for folder in folders if shared else ():
        assert shared is not None
        yield from (path for path in sorted((shared / "feeds" / folder).rglob("*")) if path.is_file())


def test_hostile_and_malformed_corpora_raise_nothing_else(shared: Path | None) -> None:
    for path in [*shared_files(shared, "hostile", "malformed"), *sorted(DATA.rglob("*.xml"))]:
        if path.name.startswith("many-items"):
            continue  # in test_child, with its time and memory
        try:
            found = parse(_unpacked(path))
        except ParseError:
            continue
        for one in found.entries:
            _check(one, path)


def _unpacked(path: Path) -> bytes:
    try:
        return read(path)
    except (OSError, EOFError):
        return path.read_bytes()


def _check(one: Entry, path: Path) -> None:
    texts = [one.title, one.abstract, one.url, one.comment, one.venue, *one.authors, *one.categories]
    assert not any(CONTROL.search(text) for text in texts), path
    assert one.url == "" or re.match(r"https?://", one.url, re.IGNORECASE), path
    assert all(one.authors), path


def expected_hostile() -> dict[str, int]:
    """What the notes of the corpus ask for, where they ask for a number."""
    return {
        "fields/same-paper-many-ids.xml": 8, "fields/no-item.xml": 0, "encoding/gb18030.xml": 3,
        "encoding/utf16-le-bom.xml": 3, "encoding/windows-1252-quotes.xml": 3, "encoding/leading-junk.xml": 2,
        "encoding/declared-latin1-is-utf8.xml": 3, "encoding/declared-utf8-is-latin1.xml": 3,
        "xml/attribute-flood.xml": 3, "xml/external-dtd.xml": 2, "huggingface/empty-list.json": 0,
        "fields/authors.xml": 11, "fields/dates.xml": 12, "fields/titles.xml": 12,
    }  # fmt: skip


def test_hostile_feeds_keep_their_good_entries(shared: Path | None) -> None:
    for name, count in expected_hostile().items() if shared else ():
        assert shared is not None
        assert len(entries((shared / "feeds" / "hostile" / name).read_bytes())) == count, name


def test_files_that_are_no_feeds_are_errors(shared: Path | None) -> None:
    bad = list(shared_files(shared, "hostile/not-a-feed"))
    assert shared is None or len(bad) == 7
    for path in bad:
        with pytest.raises(ParseError):
            parse(path.read_bytes())


def test_nothing_outside_the_document_is_read(shared: Path | None, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    for kind in (f'SYSTEM "{secret.as_uri()}"', f'SYSTEM "{secret}"'):
        doctype = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY e {kind}>]>'
        body = doctype.encode() + rss(item(text="&e;")).partition(b"?>")[2]
        assert "top secret" not in repr(parse(body))


#: file -> entries, abstracts, DOIs, arXiv ids, entries with authors
JOURNALS = {
    "journals/2021-12-14/tandfonline.com-feed-rss-nnfe20.xml": (95, 0, 95, 0, 95),
    "journals/2021-12-21/rss.sciencedirect.com-publication-science-10557903.xml": (51, 0, 0, 0, 50),
    "journals/2021-12-21/onlinelibrary.wiley.com-feed-19968175-most-recent.xml": (66, 28, 66, 0, 63),
    "journals/2021-12-21/academic.oup.com-rss-site_5579-3435.xml": (14, 14, 14, 0, 14),
    "journals/nature-2024-07-18.rdf": (75, 0, 75, 0, 71),
    "journals/joss.atom": (1, 0, 1, 0, 1),
    "journals/aasnova.xml": (4, 0, 1, 0, 4),
    "biorxiv/rss/biorxiv-rendered-2026-08-01.rdf": (10, 10, 10, 0, 10),
    "biorxiv/search-atom/2026-01-20-amyloid.atom": (75, 0, 75, 0, 75),
    "huggingface/rss-thirdparty/2026-08-08.xml": (30, 30, 0, 30, 30),
    "thirdparty/jwst-feed-2026-08-22.xml.gz": (300, 300, 0, 300, 300),
    "thirdparty/ieee-tgrs-early-access.xml": (124, 0, 124, 0, 124),
    "pubmed/efetch-5.xml": (5, 5, 5, 0, 5),
    "arxiv/oai/listrecords-1000-a.xml.gz": (1000, 1000, 197, 1000, 1000),
    "openalex/works-6.json": (6, 5, 6, 0, 6),
    "crossref/test_cursor_max.json": (20, 1, 20, 0, 16),
}


@pytest.mark.parametrize("name", JOURNALS)
def test_journals_and_services_are_read_as_recorded(shared: Path | None, name: str) -> None:
    if shared is None:
        return
    found = parse(read(shared / "feeds" / name)).entries
    counts = (
        len(found),
        sum(bool(one.abstract) for one in found),
        sum(bool(one.doi) for one in found),
        sum(bool(one.arxiv_id) for one in found),
        sum(bool(one.authors) for one in found),
    )
    assert counts == JOURNALS[name]
