from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from digest.match.families import american
from digest.match.text import fold, normal, plain, surfaces, term, terms


@pytest.mark.parametrize(
    "spelling",
    ["Schrödinger", "SCHRÖDINGER", "schrodinger", "Schro\u0308dinger", 'Schr\\"odinger', 'Schr\\"{o}dinger'],
)
def test_accents_and_case_are_no_difference(spelling: str) -> None:
    assert terms(spelling) == [term("schrodinger")]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Łukasz", "lukasz"),
        ("Straße", "strasse"),
        ("ﬁne", "fine"),
        ("ＡＢＣ", "abc"),
        ("𝑁𝑃", "np"),
        ("한국어", "한국어"),
    ],
)
def test_one_letter_has_one_form(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_programming_languages_are_words() -> None:
    assert [*surfaces("C++, C# or C; c++17")] == ["C++", "C#", "or", "C", "c++", "17"]


def test_scripts_without_blanks_give_pairs_of_characters() -> None:
    assert [*surfaces("基于Transformer的机器学习")] == ["基于", "Transformer", "的机", "机器", "器学", "学习"]


def test_words_with_vowel_signs_stay_whole() -> None:
    assert [*surfaces("हिन्दी שָׁלוֹם")] == ["हिन्दी", "שָׁלוֹם"]


def test_tex_is_no_word() -> None:
    assert terms(r"$\mathcal{O}(n \log n)$ in \textbf{linear} time") == [
        "o",
        "n",
        "log",
        "n",
        "linear",
        "time",
    ]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"\textsc{Tool}: \underline{a} framework", "Tool: a framework"),
        (r"\href{https://papers.dev/x}{our page} \textcolor{red}{bold}", "our page bold"),
        (r"data\footnote{Ours.} and code", "data Ours. and code"),
        (r"\leftarrow", r"\leftarrow"),
    ],
)
def test_tex_around_words_is_left_out(text: str, read: str) -> None:
    assert plain(text) == read


def test_inflected_words_share_a_term() -> None:
    assert term("Transformers") == term("transformer")
    assert term("storage") != term("RAG")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("optimisation", "optimal"),
        ("summarised", "summaries"),
        ("behaviours", "behavior"),
        ("paediatric", "pediatrics"),
        ("matrices", "matrix"),
        ("molecular", "molecule"),
        ("medicine", "medical"),
        ("US", "USA"),
    ],
)
def test_families_and_british_spellings_share_a_term(one: str, other: str) -> None:
    assert term(one) == term(other)


@pytest.mark.parametrize("word", ["noise", "denoising", "promises", "pairwise", "supervised", "precise"])
def test_words_that_are_spelled_so_everywhere_stay(word: str) -> None:
    assert american(word) == word


def test_us_in_small_letters_is_no_country() -> None:
    assert term("us") == ""


def test_threads_do_not_mix_their_words() -> None:
    words = [f"{letters}ization{letters}ing" for letters in map("".join, product("abcdefgh", repeat=4))]
    expected = [term.__wrapped__(word) for word in words]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(term.__wrapped__, words)) == expected


def test_what_no_language_writes_is_not_worked_on_for_seconds() -> None:
    assert term("walking" * 100) == "walking" * 100
    assert len(surfaces("a" + "\u0301\u0327" * 500_000)[0]) <= 31


def test_stop_words_are_no_terms() -> None:
    assert terms("the Of and WITH") == []


def test_emoji_are_no_terms() -> None:
    assert terms("😀 🚀 ✨") == []


@pytest.mark.parametrize(
    ("one", "many"), [("LLM", "LLMs"), ("llm", "llms"), ("LM", "LMs"), ("MoE", "MoEs"), ("PDE", "PDEs")]
)
def test_acronym_and_its_plural_share_a_term(one: str, many: str) -> None:
    assert term(one) == term(many)
    assert normal(one) == normal(many) or term(normal(one)) == term(normal(many))


def test_acronyms_that_end_in_s_stay_whole() -> None:
    assert term("GPS") != term("GP")
    assert term("TTS") != term("TT")


@pytest.mark.parametrize("sign", ["\ufdfa", "\u037a"])
def test_sign_that_stands_for_several_words_is_one_term_at_most(sign: str) -> None:
    assert not set(term(sign)) & set(" ")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("US law", "usa law"),
        ("law of the US", "law of the usa"),
        ("WHO", "world health organization"),
        ("let us ask who it is", "let us ask who it is"),
        ("WHO IS IT", "who is it"),
    ],
)
def test_names_in_capitals_are_no_stop_words_of_a_topic(typed: str, read: str) -> None:
    assert normal(typed) == read
