import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.tex import to_unicode

KNOWN = {
    r"Schr\"odinger and G\"{o}del": "Schrödinger and Gödel",
    r"\'Etale, \v{S}imon, Erd\H{o}s, na\"\i ve, \o{}, \L{}uk": "Étale, Šimon, Erdős, naïve, ø, Łuk",
    r"$\alpha\leq\beta$": "α ≤ β",
    r"$x \in \mathbb{R}^{n\times n}$": "x ∈ ℝ^(n×n)",
    r"$O(n\log n)$ or $\mathcal{O}(n^2)$": "O(n log n) or 𝒪(n²)",
    r"$x_i^2 + 10^{-3}$": "xᵢ² + 10⁻³",
    r"CO$_2$ at $90^\circ$": "CO₂ at 90°",
    r"$\frac{a+b}{2}$, $\sqrt{x+1}$, $\sqrt[3]{n}$": "(a+b)/2, √(x+1), ³√n",
    r"$\frac12 x$, $\frac{1}{7}x$, $\frac{a}{b}$": "½ x, (1/7)x, a/b",
    r"$\hat{x}$ and $W^\top$": "x̂ and Wᵀ",
    r"$\sim$10$\times$ faster": "∼10× faster",
    r"$x_{\text{max}}$": "x_max",
    r"$P(\text{True})$": "P(True)",
    r"\textbf{bold} and {\em slanted} {BERT}": "bold and slanted BERT",
    r"Fig.~3, 6--26\%, A\&B": "Fig. 3, 6–26%, A&B",
    r"$k$-means, $n-1$, $L-BFGS$": "k-means, n−1, L-BFGS",
    r"\(a\) and \[b\] and $$c$$": "a and b and c",
    "``quoted''": "“quoted”",
    r"\url{https://x.org/~a} \href{https://x.org}{here}\footnote{Or not.}": "https://x.org/~a here (Or not.)",
    r"\ensuremath{\beta} and mm\textsuperscript{2} and \alpha-helix": "β and mm² and α-helix",
    r"$a \not= b$, $\left. x \right|$, $f'(x)$, $a\,b$, $\alpha{}x$": "a ≠ b, x |, f′(x), a b, αx",
    r"\c{c}, \v s, \'{\i}, $\bar{x}$, $\overline{AB}$": "ç, š, í, x̄, A̅B̅",
    r"{\'E}tale \LaTeX{} \ss{} \aa ngstrom": "Étale \\LaTeX{} ß ångstrom",
}

AS_TYPED = [
    "$5 and 10$",
    "between $100M and $200M a year",
    "over $1 trillion in $2025",
    "Pa$$word and ca$$h",
    r"$\begin{matrix}1 & 2\end{matrix}$",
    r"$\unheardof{x}$ and \unheardof{y}",
    r"C:\new\alpha",
    '{"a": 1} and {x, y}',
    r"$\sqrt[3{x}$, $\frac{1$, $\hat{xy}$, \'9, \c9, \emph",
    "snake_case and 2^10 and ~10 and --flag",
    "x" * 1000,
    "",
]


@pytest.mark.parametrize("typed", KNOWN)
def test_tex_becomes_unicode(typed: str) -> None:
    assert to_unicode(typed) == KNOWN[typed]


@pytest.mark.parametrize("typed", AS_TYPED)
def test_what_is_no_tex_stays_as_typed(typed: str) -> None:
    assert to_unicode(typed) == typed


@pytest.mark.parametrize(
    "bomb", ["{" * 20_000 + "}" * 20_000, "$" * 40_001, "\\hat{" * 8_000 + "x" + "}" * 8_000]
)
def test_bomb_comes_out_as_it_went_in(bomb: str) -> None:
    started = time.perf_counter()
    assert to_unicode(bomb) == bomb
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "unit", ["$x^", "$x_{", "\\sqrt{", "^{", "$\\frac{", "{\\em ", "\\'{", "$a$ ", "\\url{"]
)
def test_time_is_linear_in_the_text(unit: str) -> None:
    started = time.perf_counter()
    to_unicode(unit * 5_000)
    assert time.perf_counter() - started < 1


pieces = st.sampled_from(
    [
        *"\\${}^_~'`\"&%# -a1+=",
        "\\alpha",
        "\\frac",
        "\\sqrt",
        "\\hat",
        "\\text",
        "\\mathbb",
        "\\left",
        "\\'",
        "$$",
        "\\(",
    ]
)


@given(st.lists(pieces, max_size=40).map("".join))
def test_nothing_that_looks_like_tex_raises(text: str) -> None:
    assert isinstance(to_unicode(text), str)


@given(st.text())
def test_text_without_tex_is_untouched(text: str) -> None:
    plain = text.translate(dict.fromkeys(map(ord, "\\$~`{-'"), " "))
    assert to_unicode(plain) == plain


@given(st.text(alphabet="abcxyz ", min_size=1), st.sampled_from(["textbf", "emph", "text", "textit"]))
def test_emphasis_leaves_the_words(words: str, macro: str) -> None:
    assert to_unicode(f"\\{macro}{{{words}}}") == words
