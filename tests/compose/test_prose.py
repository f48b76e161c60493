import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose import prose


@given(st.text(st.sampled_from("ab .é語한\N{NO-BREAK SPACE}"), max_size=400), st.integers(10, 80))
def test_wrapping_keeps_every_word_and_the_width(text: str, width: int) -> None:
    lines = prose.wrap(text, width=width).split("\n")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in lines:
        columns = sum(2 if character in "語한" else 1 for character in line)
        assert columns <= width or " " not in line


def test_wrapped_lines_are_indented() -> None:
    assert prose.wrap("one two three", "  ", 10) == "  one two\n  three"
    assert prose.wrap("") == ""


CUTS = {
    "Short.": "Short.",
    "One. Another one, a longer one. And more of it, here and there.": "One. Another one, a longer one.",
    "As e.g. Ada et al. show, it works. And so on and on, and on.": "As e.g. Ada et al. show, it works.",
    "一二三四五六七八九十。" * 6: "一二三四五六七八九十。" * 3,
    "word " * 30: "word word word word word word word word…",
}


@pytest.mark.parametrize("text", CUTS)
def test_abstract_is_cut_at_a_sentence(text: str) -> None:
    assert prose.excerpt(text, 42) == CUTS[text]


def test_words_are_marked_in_any_case_and_neighbours_join() -> None:
    found = prose.runs("Speech separation of speeches, k-means.", ("speech", "Separation", "k-means"))
    assert [run.text for run in found if run.marked] == ["Speech separation", "k-means"]
    assert "".join(run.text for run in found) == "Speech separation of speeches, k-means."


@pytest.mark.parametrize(
    ("phrase", "text", "marked"),
    [
        ("C++", "Vitamin C and C# beside C++ programs", ["C++"]),
        ("C", "Vitamin C beside C++", ["C"]),
        ("O(n)", "O means n; in o(n) time", ["o(n)"]),
        ("(rate)", "a rate, the (rate)", ["(rate)"]),
        ("news", "new news", ["news"]),
        ("LLMs", "an LLM", ["LLM"]),
    ],
)
def test_what_is_marked_is_what_is_meant(phrase: str, text: str, marked: list[str]) -> None:
    assert [run.text for run in prose.runs(text, [phrase]) if run.marked] == marked


@given(st.text(max_size=200), st.lists(st.text(max_size=10), max_size=5))
def test_marking_loses_no_text(text: str, words: list[str]) -> None:
    assert "".join(run.text for run in prose.runs(text, words)) == text


@pytest.mark.parametrize(
    ("text", "language", "direction"),
    [
        ("Plain text", "en", "ltr"),
        ("Ünïcode", "en", "ltr"),
        ("דרך חדשה", "he", "rtl"),
        ("طريقة جديدة", "ar", "rtl"),
        ("روش جدید پژوهش", "fa", "rtl"),
        ("言語モデルの評価", "ja", "ltr"),
        ("大语言模型", "zh", "ltr"),
        ("언어 모델", "ko", "ltr"),
        ("Языковые модели", "ru", "ltr"),
        ("123", "en", "ltr"),
    ],
)
def test_script_tells_language_and_direction(text: str, language: str, direction: str) -> None:
    assert (prose.language(text), prose.direction(text)) == (language, direction)


@given(st.text())
def test_clean_text_is_one_harmless_line(text: str) -> None:
    clean = prose.clean(text)
    assert clean == prose.clean(clean) == " ".join(clean.split())
    assert not [c for c in clean if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E]
