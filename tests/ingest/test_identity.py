"""Which entries are one paper, whatever their order."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.ingest.grouping import keys, title_key
from digest.ingest.identity import Occasion, Resolved, identify
from digest.models import Announcement, Entry, Paper
from tests.make import NOW, make_entry

HERE = Occasion(source="arxiv:cs.CL", family="arxiv", open=True, number=1, at=NOW)
LONG = "A title that is long enough to be told apart"


def merge(*batches: list[Entry], here: Occasion = HERE) -> list[Paper]:
    """What is stored after several occasions, without a database."""
    stored: dict[int, Paper] = {}
    aliases: dict[str, int] = {}
    for step, batch in enumerate(batches):
        wanted = {key for entry in batch for key in keys(entry, here.source)}
        known = {key: (aliases[key], stored[aliases[key]]) for key in wanted if key in aliases}
        for one in identify(batch, known, replace(here, number=here.number + step)):
            number = one.numbers[0] if one.numbers else len(aliases) + len(stored) + 1
            for gone in one.numbers[1:]:
                del stored[gone]
                aliases.update((key, number) for key, owner in aliases.items() if owner == gone)
            stored[number] = one.paper
            assert not {key for key in one.keys if key in aliases}
            aliases.update(dict.fromkeys(one.keys, number))
    return sorted(stored.values(), key=lambda paper: paper.id)


def first(*entries: Entry, here: Occasion = HERE) -> Resolved:
    (one,) = identify(list(entries), {}, here)
    return one


def journal(title: str = LONG, **fields: object) -> Entry:
    defaults = {
        "arxiv_id": None,
        "version": None,
        "announced": Announcement.PUBLISHED,
        "entry_id": "j-000000000001",
    }
    return make_entry(1, title=title, **{**defaults, **fields})


def test_versions_and_categories_are_one_paper() -> None:
    old, new = make_entry(1, categories=("cs.CL",)), make_entry(1, version=2, categories=("cs.CL", "cs.AI"))
    (paper,) = merge([old, new])
    assert (paper.id, paper.version, paper.categories) == ("arxiv:2604.00001", 2, ("cs.CL", "cs.AI"))


def test_doi_joins_preprint_and_article() -> None:
    preprint = make_entry(1, doi="10.1000/x")
    article = journal("Another title altogether for the same paper", doi="10.1000/x")
    for order in permutations([preprint, article]):
        assert [paper.id for paper in merge(*[[one] for one in order])] == ["arxiv:2604.00001"]


def test_title_and_first_surname_join_where_ids_do_not_conflict() -> None:
    preprint = make_entry(1, title=LONG, authors=("Ada Lovelace",))
    article = journal(LONG.upper() + ".", doi="10.1000/x", authors=("A. B. Lovelace", "E. Noether"))
    assert len(merge([preprint], [article])) == 1


@pytest.mark.parametrize(
    "other",
    [
        journal(LONG, authors=("Grace Hopper",)),
        journal(LONG, authors=()),
        make_entry(2, title=LONG),
    ],
)
def test_equal_titles_alone_join_nothing(other: Entry) -> None:
    assert len(merge([make_entry(1, title=LONG), other])) == 2


def test_short_titles_join_nothing() -> None:
    assert title_key("On the matter", ["Ada Lovelace"]) is None
    assert len(merge([journal("Editorial"), journal("Editorial", entry_id="j-000000000002")])) == 2


def test_two_dois_are_two_papers() -> None:
    assert len(merge([journal(doi="10.1000/x"), journal(doi="10.1000/y")])) == 2


def test_stored_papers_that_turn_out_to_be_one_are_merged() -> None:
    preprint, article = make_entry(1), journal("Quite another title for this article", doi="10.1000/x")
    both = make_entry(1, doi="10.1000/x")
    assert [paper.id for paper in merge([preprint], [article], [both])] == ["arxiv:2604.00001"]


def test_short_ids_of_two_sources_are_two_papers() -> None:
    elsewhere = replace(HERE, source="Other")
    assert keys(journal("Editorial", entry_id="17"), HERE.source) != keys(
        journal("Editorial", entry_id="17"), elsewhere.source
    )


BEFORE = {"entry_id": "x-1", "title": "A title", "url": "https://e.org/1", "authors": ()}


@pytest.mark.parametrize(
    ("after", "papers"),
    [
        ({"title": "Second paper", "url": "https://e.org/2"}, 2),
        ({"title": "Second paper", "doi": "10.1000/y", "url": "https://e.org/2"}, 2),
        ({"title": "A title, edited"}, 1),
        ({"title": "A TITLE.", "url": "https://new.e.org/1"}, 1),
        ({"title": "A title, edited", "url": "http://e.org/1"}, 1),
        ({"title": "A title", "doi": "10.1000/x"}, 1),
    ],
)
def test_an_id_that_is_used_again_is_one_paper_or_two(after: dict[str, object], papers: int) -> None:
    """Two titles at two addresses are two papers; the id joins what changed only one of them."""
    both = [journal(**BEFORE), journal(**BEFORE | after)]
    for order in (both, both[::-1]):
        assert len(merge(order)) == len(merge(*[[one] for one in order], order)) == papers


def test_one_id_for_a_whole_feed_without_addresses_loses_nothing() -> None:
    feed = [journal(f"Paper {n}", entry_id="item", url="", abstract=f"We do {n}.") for n in range(5)]
    assert len(merge(feed, feed)) == 5
    edited = replace(feed[0], title="Paper 0, edited")
    assert len(merge(feed, [edited, *feed[1:]])) == 5


@pytest.mark.parametrize(
    ("fields", "eligible"),
    [
        ({"announced": Announcement.NEW}, True),
        ({"announced": Announcement.CROSS, "published_at": None}, True),
        ({"announced": Announcement.REPLACE}, False),
        ({"announced": Announcement.REPLACE_CROSS}, False),
        ({"announced": Announcement.NEW, "version": 2}, True),
        ({"announced": Announcement.LISTED, "published_at": NOW - timedelta(days=29)}, True),
        ({"announced": Announcement.LISTED, "published_at": NOW - timedelta(days=31)}, False),
        ({"announced": Announcement.CROSS, "published_at": None, "arxiv_id": "2312.00001"}, False),
        ({"announced": Announcement.NEW, "withdrawn": True}, False),
        ({"announced": Announcement.PUBLISHED, "published_at": NOW + timedelta(days=300)}, True),
    ],
)
def test_eligible_is_what_is_announced_and_recent(fields: dict[str, object], eligible: bool) -> None:
    paper = first(make_entry(1, **fields)).paper
    assert (paper.eligible_pass, paper.eligible_at) == ((1, NOW) if eligible else (None, None))


def test_a_paper_becomes_eligible_once() -> None:
    entry = make_entry(1, announced=Announcement.NEW)
    (paper,) = merge([entry], [replace(entry, version=2, announced=Announcement.CROSS)])
    assert paper.eligible_pass == 1


def test_a_replacement_that_is_listed_later_becomes_eligible_then() -> None:
    old = make_entry(1, announced=Announcement.REPLACE, version=2)
    listed = make_entry(1, announced=Announcement.LISTED, version=None, votes=3)
    (paper,) = merge([old], [listed])
    assert (paper.eligible_pass, paper.votes, paper.version) == (2, 3, 2)


def test_liked_papers_fetched_by_id_are_not_announced() -> None:
    asked = replace(HERE, announces=False)
    assert first(make_entry(1, announced=Announcement.ABSENT), here=asked).paper.eligible_at is None


def test_future_dates_fall_back_to_first_sight() -> None:
    paper = first(journal(published_at=NOW + timedelta(days=300))).paper
    assert (paper.published_at, paper.first_seen_at) == (None, NOW)


def test_arxivs_text_wins_over_a_list_that_copied_it() -> None:
    listed = make_entry(
        1, version=None, title="Copied title", abstract="x" * 900, announced=Announcement.LISTED
    )
    original = make_entry(1, title="Title")
    for order in permutations([listed, original]):
        assert merge(*[[one] for one in order])[0].title == "Title"


def test_withdrawn_stays_withdrawn() -> None:
    gone = make_entry(1, version=2, withdrawn=True, announced=Announcement.REPLACE)
    assert merge([make_entry(1)], [gone])[0].withdrawn


entries = st.builds(
    lambda number, version, kind, doi, votes, weak: make_entry(
        number,
        arxiv_id=None if weak else f"2604.{number:05d}",
        entry_id=f"publisher-{number // 2:08d}",
        doi=f"10.1000/{number}" if doi else None,
        version=None if weak else version,
        title=f"Paper {number} has a title of many words, {'once' if version < 2 else 'twice'}",
        abstract="word " * version,
        announced=kind,
        votes=votes,
    ),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(list(Announcement)),
    st.booleans(),
    st.none() | st.integers(0, 9),
    st.booleans(),
)


@given(st.lists(entries, max_size=12).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_order_of_entries_changes_nothing(both: tuple[list[Entry], list[Entry]]) -> None:
    assert merge(both[0]) == merge(both[1])


@given(entries)
def test_the_short_way_for_one_unknown_entry_is_the_long_way(entry: Entry) -> None:
    assert merge([entry]) == merge([entry, entry])


@given(st.lists(entries, max_size=12), st.integers(0, 12))
def test_seeing_entries_again_changes_nothing(some: list[Entry], cut: int) -> None:
    once = merge(some)
    twice = merge(some, some[:cut])
    blank = {"eligible_at": None, "eligible_pass": None, "votes": None}
    assert [replace(paper, **blank) for paper in once] == [replace(paper, **blank) for paper in twice]


@given(st.lists(entries, max_size=12), st.integers(0, 12))
def test_one_batch_or_two_name_the_same_papers(some: list[Entry], cut: int) -> None:
    whole, parts = merge(some), merge(some[:cut], some[cut:])
    assert list(map(_named, whole)) == list(map(_named, parts))


def _named(paper: Paper) -> tuple[str, int, str]:
    """A paper without identifiers keeps the id of its first title when the title changes."""
    return paper.id.split("title:")[0], paper.version, paper.title
