"""Parsing: every format from its recording, exact text, and nothing but ParseError for all the rest."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ParseError
from digest.ingest.parse import Document, parse
from digest.models import Announcement, Entry

from .feeds import DC, entries, item, rss

DATA = Path(__file__).parents[1] / "data"
CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")


@pytest.mark.parametrize(
    "text",
    ["&lt;EOS&gt; and &lt;BOS&gt; stay",
     "if $p&lt;q$ then $a&lt;b$ for p&gt;2", "p}&lt;r", "&lt;think&gt; x &amp;lt; y",
     "a &lt;person, action, object&gt; triple", r"$\frac{a}{b}$ and \emph{c}", "100% &amp; more"],
)  # fmt: skip
def test_plain_text_that_looks_like_html_survives(text: str) -> None:
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    (one,) = entries(rss(item(text=text, title=text)))
    assert one.abstract == plain
    assert one.title == plain


def test_prefix_is_removed_and_its_word_kept() -> None:
    found = entries(
        rss(*(item(n, kind=kind) for n, kind in enumerate(["new", "cross", "replace", "replace-cross"])))
    )
    assert [one.announced.value for one in found] == ["new", "cross", "replace", "replace-cross"]
    assert {one.abstract for one in found} == {"Text."}
    assert [one.version for one in found] == [1, 1, 1, 1]


def test_withdrawn_is_seen() -> None:
    (one, two, three) = entries(
        rss(
            item(1, "This paper has been withdrawn by the authors due to an error in Lemma 3."),
            item(2, "Withdrawn."),
            item(3, "We study when a drug should be withdrawn. This paper has been long."),
        )
    )
    assert (one.withdrawn, two.withdrawn, three.withdrawn) == (True, True, False)


def test_cut_feed_gives_its_whole_entries() -> None:
    whole = rss(item(1), item(2, "p&lt;q"), item(3))
    document = parse(whole[: whole.index(b"2604.00003v1 Ann")])
    assert [one.abstract for one in document.entries] == ["Text.", "p<q"]
    assert not document.whole
    assert "breaks off" in (document.note or "")


@pytest.mark.parametrize("at", [10, 60, 120])
def test_feed_cut_before_its_first_entry_is_an_error(at: int) -> None:
    with pytest.raises(ParseError):
        parse(rss(item(1))[:at])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"Rate exceeded.", "not a feed"),
        (b'{"error": "rate limited"}', "rate limited"),
        (b"[" * 20_000, "nested too deeply"),
        (b'[{"paper": ' + b"1" * 5_000 + b"}]", "broken"),
        (b'[{"paper": {"id": "2604.1', "broken or cut off"),
        (b'[7, "text"]', "no known service"),
    ],
)
def test_what_is_no_feed_is_told_in_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(ParseError, match=sentence):
        parse(body)


def test_no_more_entries_are_read_than_any_feed_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.ingest.parse.feed.MOST_ENTRIES", 2)
    document = parse(rss(*map(item, range(1, 6))))
    assert (len(document.entries), document.whole) == (2, False)
    assert "5 entries" in (document.note or "")


def test_long_feeds_are_handed_on_in_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.ingest.parse.feed.BATCH", 2)
    handed: list[list[Entry]] = []
    document = parse(rss(*map(item, range(1, 6))), handed.append)
    assert [len(some) for some in handed] == [2, 2]
    assert len(document.entries) == 1


def test_arxivs_atom_holds_what_its_rss_holds() -> None:
    document = parse((DATA / "arxiv" / "atom.xml").read_bytes())
    one = document.entries[0]
    assert (document.format, len(document.entries)) == ("arxiv atom10", 7)
    assert (one.arxiv_id, one.version, one.announced) == ("2508.13426", 1, Announcement.CROSS)
    assert one.abstract.startswith("As large language models (LLMs) increasingly mediate")
    assert one.categories == ("cs.CL", "cs.AI")
    assert document.published_at is not None


def test_the_api_gives_versions_comments_and_first_dates() -> None:
    document = parse((DATA / "arxiv" / "api.xml").read_bytes())
    one = document.entries[0]
    assert (document.format, document.total) == ("arxiv-api", 214881)
    assert (one.arxiv_id, one.version) == ("2202.12139", 1)
    assert one.published_at == datetime(2022, 2, 24, 15, 5, 19, tzinfo=UTC)
    assert len(one.authors) > 1
    assert one.comment.startswith("Artificial Intelligence in Software Testing")


def test_empty_arxiv_feed_is_a_document_without_entries() -> None:
    document = parse((DATA / "arxiv" / "empty.xml").read_bytes())
    assert (document.entries, document.whole, document.format) == ((), True, "arxiv rss20")


def test_the_old_rdf_is_read_with_its_kinds() -> None:
    rdf = (
        f'<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" {DC} '
        'xmlns="http://purl.org/rss/1.0/">'
        '<channel rdf:about="http://arxiv.org/"><title>cs.CL updates</title><link>http://arxiv.org/</link>'
        "<dc:date>2023-11-12T20:30:00-05:00</dc:date></channel>"
        '<item rdf:about="http://arxiv.org/abs/1805.06430">'
        "<title>Old paper. (arXiv:1805.06430v2 [cs.IR] UPDATED)</title>"
        "<link>http://arxiv.org/abs/1805.06430</link>"
        "<description>&lt;p&gt;If $p&amp;lt;q$ then.&lt;/p&gt;</description>"
        "<dc:creator>&lt;a href='http://x'&gt;Kenton Lee&lt;/a&gt;, &lt;a&gt;S. Xu&lt;/a&gt;</dc:creator>"
        "</item></rdf:RDF>"
    )
    (one,) = entries(rdf.encode())
    assert (one.title, one.arxiv_id, one.version) == ("Old paper", "1805.06430", 2)
    assert (one.announced, one.categories) == (Announcement.REPLACE, ("cs.IR",))
    assert one.authors == ("Kenton Lee", "S. Xu")


def test_huggingface_reads_the_paper_and_nothing_else() -> None:
    records = json.loads((DATA / "replay" / "2026-04-23" / "huggingface.json").read_bytes())
    document = parse(json.dumps([*records, None, 7, {}, {"paper": {"id": "x"}}]).encode())
    one, raw = document.entries[0], records[0]["paper"]
    assert (one.arxiv_id, one.votes) == (raw["id"], raw["upvotes"])
    assert one.abstract == " ".join(raw["summary"].split())
    assert (len(document.entries), document.skipped) == (len(records), 4)
    assert "4 of" in (document.note or "")


def test_biorxivs_api_follows_its_cursor_and_knows_versions() -> None:
    record = {"doi": "10.64898/2026.07.31.741992", "title": "T&lt;i&gt;", "authors": "Loconsole, M.; Xue, C.",
              "date": "2026-08-01", "version": "2", "category": "Biology",
              "abstract": "A.", "type": "NA"}  # fmt: skip
    body = {"messages": [{"cursor": 0, "count": 1, "total": "873"}], "collection": [record]}
    document = parse(json.dumps(body).encode())
    (one,) = document.entries
    assert (document.following, document.total) == ("1", 873)
    assert (one.authors, one.version, one.announced) == (("M. Loconsole", "C. Xue"), 2, Announcement.REPLACE)
    assert one.url == "https://www.biorxiv.org/content/10.64898/2026.07.31.741992v2"


def test_catalogues_are_read_through_their_oddities() -> None:
    crossref = {"message": {"items": [
        {"DOI": "10.1/A", "title": [], "issued": {"date-parts": [[None]]}},
        {"DOI": "10.1000/B", "title": ["On &amp; off"], "issued": {"date-parts": [[2026, 4]]}, "author": None,
         "abstract": "<jats:title>Abstract</jats:title><jats:p>We <jats:italic>do</jats:italic>.</jats:p>"},
    ]}}  # fmt: skip
    openalex = {"meta": {"count": 1}, "results": [
        {"id": "https://openalex.org/W1", "doi": None, "title": "Works", "abstract_inverted_index":
         {"world": [1, 99_999_999], "Hello": [0], "bad": "x"}, "authorships": [{"author": None}]},
    ]}  # fmt: skip
    scholar = {"total": 1, "offset": 0, "data": [
        {"paperId": "a", "title": "S", "externalIds": {"ArXiv": "2103.14030"}, "abstract": None},
    ]}  # fmt: skip
    found = [entries(json.dumps(one).encode())[0] for one in (crossref, openalex, scholar)]
    assert [one.url for one in found[1:]] == [
        "https://openalex.org/W1", "https://www.semanticscholar.org/paper/a",
    ]  # fmt: skip
    assert [one.title for one in found] == ["On & off", "Works", "S"]
    assert [one.abstract for one in found] == ["We do.", "Hello world", ""]
    assert (found[0].published_at, found[2].arxiv_id) == (datetime(2026, 4, 1, tzinfo=UTC), "2103.14030")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_raise_nothing_but_parse_error(body: bytes) -> None:
    for start in (
        b"",
        b"{",
        b"<OAI-PMH>",
        b"<rss version='2.0'><channel><item><title>",
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry>',
    ):
        with suppress(ParseError):
            assert isinstance(parse(start + body), Document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["paper", "id", "title", "summary", "authors", "collection", "messages", "doi", "version",
             "message",
             "items", "DOI", "author", "issued", "date-parts", "results", "meta", "abstract_inverted_index",
             "authorships", "paperId", "data", "externalIds", "total", "offset", "upvotes", "publishedAt",
             "primary_location", "source", "name"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@given(json_values)
def test_any_json_raises_nothing_but_parse_error(value: object) -> None:
    with suppress(ParseError):
        assert isinstance(parse(json.dumps(value).encode()), Document)


def test_a_blank_line_before_the_declaration_does_no_harm() -> None:
    found = parse(b"\r\n \n" + rss(item(1), item(2)))
    assert (len(found.entries), found.whole) == (2, True)
