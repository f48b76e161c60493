"""Authors: split where the names end, accents decoded, nobody invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.ingest.parse.names import cleaned, decoded, listed, split, split_given_first


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (r"Andr\'es P\'aez, Jian L\"u, Andreas M{\o}gelmose",
         ("Andrés Páez", "Jian Lü", "Andreas Møgelmose")),
        ("Md Zubair (U of Science & Technology, Chittagong, Bangladesh), Huma Perveen (Sussex, UK)",
         ("Md Zubair", "Huma Perveen")),
        ("A B (X, (Y, Z)), C D", ("A B", "C D")),
        ("Charlie (Jianzhong),  Zhang", ("Charlie", "Zhang")),
        ("Ada Example (Unclosed, Bo Sample", ("Ada Example Unclosed", "Bo Sample")),
        ("Loconsole, M.; Xue, C.; Garcia-Pelegrin, E.", ("M. Loconsole", "C. Xue", "E. Garcia-Pelegrin")),
        ("LAPALU, N., SIMON, A., O'Connell, R. J.", ("N. LAPALU", "A. SIMON", "R. J. O'Connell")),
        ("Plaumann, P.-L., Dallery, J.-F.", ("P.-L. Plaumann", "J.-F. Dallery")),
        ("Chen C, Zhou Y, Watanabe H, et al.", ("C Chen", "Y Zhou", "H Watanabe")),
        ("The ATLAS Collaboration", ("The ATLAS Collaboration",)),
        ("A. Author, on behalf of the X and Y Collaboration",
         ("A. Author", "on behalf of the X and Y Collaboration")),
        ("Plato", ("Plato",)),
        ("Ada Example and Bo Sample", ("Ada Example", "Bo Sample")),
        ("Ada Example, Bo Sample, and Cy Third", ("Ada Example", "Bo Sample", "Cy Third")),
        ("李雷, 韩梅梅", ("李雷", "韩梅梅")),
        (r'Sina D\"aubener,, Carles Domingo-Enrich', ("Sina Däubener", "Carles Domingo-Enrich")),
        ('<a href="http://x">Kenton Lee</a>, <a href="y">S. Xu</a>', ("Kenton Lee", "S. Xu")),
        ("Lorenzo Baraldi, Lorenzo Baraldi", ("Lorenzo Baraldi", "Lorenzo Baraldi")),
        ("Brandão S, Saeedi H, Brandt A.", ("S Brandão", "H Saeedi", "A Brandt")),
        ("Inoda, Toshio", ("Toshio Inoda",)),
        ("Plato; Aristotle", ("Plato", "Aristotle")),
        ("Xu, A.; The X and Y Collaboration", ("A. Xu", "The X and Y Collaboration")),
        ("do Vale, Willian S.", ("Willian S. do Vale",)),
        ("Sant’Ana, Josué", ("Josué Sant’Ana",)),
        ("Kerry Hensley, Astrobites", ("Kerry Hensley", "Astrobites")),
        ("", ()),
        (" , ,", ()),
        (None, ()),
    ],
)  # fmt: skip
def test_names_are_split_where_they_end(text: str | None, names: tuple[str, ...]) -> None:
    assert split(text) == names


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        (r"Kr\v{c}m\'a\v{r}", "Krčmář"), (r"Ho\v sek", "Hošek"), (r"\L ukasz", "Łukasz"), (r"{\L}uk", "Łuk"),

        (r"\c{S}ule", "Şule"), (r"J\'er\^ome", "Jérôme"), (r"M\"{u}ller", "Müller"), (r"{\'E}mile", "Émile"),

        (r"Garc\'{\i}a", "García"), (r"Nov{\'a}k", "Novák"), (r"\AA ngstr\"om", "Ångström"),
        (r"Gro\ss", "Groß"),
        (r"Erd\H{o}s", "Erdős"), (r"{\O}ystein", "Øystein"), (r"Ga\~{n}an", "Gañan"),
        ("O'Connell", "O'Connell"),
        (r"$\mathrm{X}$ Y", "X Y"), (r"Nguy\~{\^e}n", "Nguyễn"), (r"Nguy{\~{\^{e}}}n", "Nguyễn"),
    ],
)  # fmt: skip
def test_tex_accents_become_letters(tex: str, plain: str) -> None:
    assert decoded(tex) == plain


def test_arxivs_names_are_never_turned_round() -> None:
    assert split_given_first("Sumesh VP, Ganesh S, Ada Xu") == ("Sumesh VP", "Ganesh S", "Ada Xu")


def test_a_list_that_a_feed_gives_twice_is_read_once() -> None:
    assert listed(["Ada Xu", "Bo Li", "Ada Xu", "Bo Li"]) == ("Ada Xu", "Bo Li")
    assert listed(["Ada Xu", "Bo Li", "Ada Xu"]) == ("Ada Xu", "Bo Li", "Ada Xu")


def test_listed_names_are_turned_round_where_a_comma_says_so() -> None:
    assert listed(["Gregório, Patrícia L.F.", "Ada Lovelace", "William Grogan, Jr."]) == (
        "Patrícia L.F. Gregório",
        "Ada Lovelace",
        "William Grogan, Jr.",
    )


@given(st.text(max_size=80))
def test_any_text_gives_clean_names(text: str) -> None:
    for name in (*split(text), *cleaned([text])):
        assert name == name.strip()
        assert name
        assert "\n" not in name
