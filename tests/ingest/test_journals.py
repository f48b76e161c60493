"""Journals and other people's feeds: nothing that is no abstract is shown as one."""

import pytest

from digest.models import Entry

from .feeds import entries


def journal(**fields: str) -> Entry:
    tags = "".join(
        f"<{name.replace('_', ':')}><![CDATA[{value}]]></{name.replace('_', ':')}>"
        for name, value in fields.items()
    )
    head = (
        '<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>J</title>'
    )
    return entries(f"{head}<item>{tags}</item></channel></rss>".encode())[0]


@pytest.mark.parametrize(
    "text",
    [
        "Volume 56, Issue 3, December 2021, Page 176-181<br/>. <br/>",
        "TAXON, EarlyView.",
        "TAXON, Volume 70, Issue 6, Page 1352-1359, December 2021.",
        '<p>Nature, Published online: 18 July 2024; <a href="https://x">doi:10.1038/d41586</a></p>A teaser.',
        "<p>Publication date: May 2022</p><p><b>Source:</b> J, Volume 167</p><p>Author(s): Ada Xu</p>",
        "ZooKeys 1077: 1-175",
        "N/A",
    ],
)
def test_what_is_no_abstract_is_not_shown_as_one(text: str) -> None:
    assert journal(title="A title", link="https://j.example.org/1", description=text).abstract == ""


@pytest.mark.parametrize(
    ("text", "authors"),
    [
        ("<p>J 85: 57-71</p><p>DOI: 10.3897/j.1</p><p>Authors: Ada Lovelace, Bo Xu</p>"
         "<p>Abstract: We do it well.</p>"
         "<p><a href='x'>HTML</a></p>", ("Ada Lovelace", "Bo Xu")),
        ("<span><div class='boxTitle'>Abstract</div>We do it well.</span>", ()),
        ("<h2>Abstract</h2>\n<p>We do it well.</p>", ()),
        ("Yinpeng ZHANG;Xiaolong LIU;</br>We do it well.", ("Yinpeng ZHANG", "Xiaolong LIU")),
        ("<p><img src='http://t/x.png'/></p><p><b>Authors:</b> Ada Lovelace, Bo Xu</p><p>Upvotes: 0</p>"
         "<p><b>Summary:</b> We do it well.</p>", ("Ada Lovelace", "Bo Xu")),
        ("<script>alert(1)</script><p>We do it well.</p><style>p{}</style>", ()),
    ],
)  # fmt: skip
def test_abstract_and_names_are_found_among_the_rest(text: str, authors: tuple[str, ...]) -> None:
    one = journal(title="A title", link="https://j.example.org/1", description=text)
    assert (one.abstract, one.authors) == ("We do it well.", authors)


@pytest.mark.parametrize(
    ("text", "abstract"),
    [
        ("Abstract: We do it well.", "We do it well."),
        ("ABSTRACT\nOnly a line break parts them.", "Only a line break parts them."),
        ("<h2>Abstract</h2><p>We do it well.</p>", "We do it well."),
        ("Summary We do it well.", "We do it well."),
        ("Then <EOS>, <b>p<q</b> and <person, object>.", "Then <EOS>, p<q and <person, object>."),
        ("<p>If a<b and c>d, then x<3.</p>", "If a<b and c>d, then x<3."),
        ("Abstract interpretation is sound.", "Abstract interpretation is sound."),
        ("We end with a summary. The rest is an abstract: It holds.",
         "We end with a summary. The rest is an abstract: It holds."),
    ],
)  # fmt: skip
def test_a_heading_is_no_part_of_the_abstract_and_nothing_else_is_lost(text: str, abstract: str) -> None:
    assert journal(title="A title", link="https://j.example.org/1", description=text).abstract == abstract


@pytest.mark.parametrize(
    "people",
    [
        "Ada Lovelace",
        "Ada Lovelace, the ALPHA Team",
        "Ada Lovelace, J. -C. Bouret, Alessio Caratti o Garatti",
    ],
)
def test_the_names_before_an_abstract_are_the_authors(people: str) -> None:
    text = f"<p>{people}</p><p>We do it well.</p>"
    one = journal(title="A title", link="https://j.example.org/1", author="Ada Lovelace", description=text)
    assert (one.abstract, one.authors) == ("We do it well.", tuple(people.split(", ")))


@pytest.mark.parametrize(
    ("fields", "doi"),
    [
        ({"prism_doi": "10.1000/ABC"}, "10.1000/abc"),
        ({"dc_identifier": "doi:10.1000/abc"}, "10.1000/abc"),
        ({"dc_identifier": "doi:10.1101/2024.11.09.622v2"}, "10.1101/2024.11.09.622"),
        ({"guid": "http://doi.org/10.1000/abc"}, "10.1000/abc"),
        ({"link": "https://www.tandfonline.com/doi/full/10.1080/016.2020.178?af=R"}, "10.1080/016.2020.178"),
        ({"link": "https://www.biorxiv.org/content/10.1101/2024.11.09.622v2.full"}, "10.1101/2024.11.09.622"),
        ({"link": "https://doi.org/10.3847/1538-4365/aca4c6#new_tab"}, "10.3847/1538-4365/aca4c6"),
        ({"link": "https://j.example.org/1"}, None),
    ],
)  # fmt: skip
def test_doi_is_found_where_publishers_put_it(fields: dict[str, str], doi: str | None) -> None:
    assert journal(title="A title", **fields).doi == doi


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://j.example.org/a?af=R", "https://j.example.org/a"),
        ("https://j.example.org/a?x=1&utm_source=rss&utm_medium=rss", "https://j.example.org/a?x=1&"),
        ("https://j.example.org/a b", "https://j.example.org/a%20b"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//j.example.org/a", ""),
        ("https://user@j.example.org/", ""),
        ("https://", ""),
    ],
)
def test_only_clean_web_addresses_are_shown(link: str, shown: str) -> None:
    assert journal(title="A title", link=link).url.rstrip("&") == shown.rstrip("&")


def joss(*papers: list[str], end: str = "</feed>") -> bytes:
    """Papers by their authors' elements, in the form of JOSS."""
    rows = "".join(
        f"<entry><id>tag:joss,2005:Paper/{n}</id><title>Paper {n}</title>"
        f"<authors>{''.join(f'<author>{one}</author>' for one in people)}</authors></entry>"
        for n, people in enumerate(papers)
    )
    return (
        f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>J</title>{rows}{end}'.encode()
    )


ADA = "<given_name>Ada</given_name><middle_name>K.</middle_name><last_name>Lovelace</last_name>"
NOETHER = "<given-names>Émile</given-names><surname>Noether</surname><affiliation>Göttingen, D</affiliation>"


def test_names_in_parts_are_whole_and_in_their_order() -> None:
    whole = "<name>Grace Hopper</name>"
    found = entries(joss([ADA, NOETHER], [], [NOETHER, ADA], [whole], ["<orcid>0000</orcid>"]))
    both = ("Ada K. Lovelace", "Émile Noether")
    assert [one.authors for one in found] == [both, (), both[::-1], ("Grace Hopper",), ()]


def test_names_in_parts_survive_a_cut() -> None:
    cut = joss([ADA], [NOETHER, ADA], end="<entry><id>x</id><title>Half</title><authors><author><given_na")
    assert [one.authors[-1] for one in entries(cut)] == ["Ada K. Lovelace", "Ada K. Lovelace"]
