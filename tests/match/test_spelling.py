import pytest

from digest.match import build_index
from digest.match.words import END
from tests.make import make_paper


@pytest.mark.parametrize(
    "text",
    [
        "Ever, however over moreover: over and over",
        "C++17 and C+ or C, C# c, 2+n n2 n",
        "基于Transformer的机器学习 机器学习的学习",
        "हिन्दी naïve na, CO₂ co2 few-shot shot a_b_a",
        "কী কি ক",
        "学习模型 学 of 习",
    ],
)
def test_every_word_is_found_where_it_stands(text: str) -> None:
    spelling = build_index([make_paper(1, title=text, abstract="")]).spelling(0)
    starts = [spelling.place(number)[0] for number in range(len(spelling.line) - 1)]
    words = map(spelling.words.spelling, spelling.written.removesuffix(END))
    assert starts == sorted({*starts})
    assert all(text.startswith(word, start) for word, start in zip(words, starts, strict=True))


def test_words_are_told_as_the_paper_writes_them_first() -> None:
    paper = make_paper(1, title="C++ and few-shot C compilers", abstract="We compile. Diffusion-\nmodels")
    spelling = build_index([paper]).spelling(0)
    phrases = ("c compil", "shot", "diffus model", "compil diffus", "unheard of")
    assert [spelling.of(spelling.words.signs(one.split())) for one in phrases] == [
        "C compilers",
        "few-shot",
        "Diffusion- models",
        "",
        "",
    ]


def test_a_phrase_whose_words_overlap_or_come_again_is_told_whole() -> None:
    paper = make_paper(1, title="学习 of 机器学习", abstract="Model, models of a model model")
    spelling = build_index([paper]).spelling(0)
    phrases = (("机器", "器学"), ("model", "model"), ("model", "model", "model"))
    assert [spelling.of(spelling.words.signs(one)) for one in phrases] == [
        "机器学",
        "models of a model",
        "models of a model model",
    ]


def test_the_fifty_thousandth_word_is_found_as_the_first() -> None:
    """Signs are characters, and some numbers of characters stand for none of their own."""
    words = [f"w{number}x" for number in range(57_500)]
    papers = [make_paper(one, title=" ".join(words[one * 500 : one * 500 + 500])) for one in range(115)]
    index = build_index(papers)
    written = [index.spelling(n // 500).of(index.words.signs(words[n : n + 2])) for n in (0, 55_294, 57_340)]
    assert written == ["w0x w1x", "w55294x w55295x", "w57340x w57341x"]
