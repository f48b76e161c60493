import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.cards import clean_abstract, clean_name, clean_title
from digest.compose.markup import decoded
from tests.make import make_paper


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Cats &amp; dogs", "Cats & dogs"),
        ("Cats &amp;amp; dogs", "Cats & dogs"),
        ("The &lt;i&gt;Drosophila&lt;/i&gt; genome", "The Drosophila genome"),
        ("The &amp;lt;i&amp;gt;Drosophila&amp;lt;/i&amp;gt; genome", "The Drosophila genome"),
        ("CO&lt;sub&gt;2&lt;/sub&gt; and 10&lt;sup&gt;&amp;#8722;3&lt;/sup&gt;", "CO₂ and 10⁻³"),
        ('<b><i class="x">Both</i></b>', "Both"),
        ("M&uuml;ller &#x2013; &#233;t&#233;", "Müller – été"),
    ],
)
def test_what_is_markup_is_shown_as_it_was_meant(stored: str, shown: str) -> None:
    assert clean_title(make_paper(1, title=stored)) == shown
    assert clean_abstract(stored) == clean_name(stored) == shown


@pytest.mark.parametrize(
    "text",
    [
        "R&D; and AT&T",
        "a<b>c and d</e>",
        "HashMap<K, V>",
        "x < y & y > z",
        "<script>alert(1)</script>",
        "<i>half",
    ],
)
def test_what_only_looks_like_markup_stays(text: str) -> None:
    assert clean_title(make_paper(1, title=text)) == text


@given(st.text(st.sampled_from("<>/&;#xib ampltgsu0"), max_size=80))
def test_any_soup_comes_to_an_end(text: str) -> None:
    assert len(decoded(text)) <= len(text) + 16 * text.count("</")
