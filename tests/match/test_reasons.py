from typing import Any

import pytest

from digest.match import build_index, explain, rank
from tests.make import make_paper, make_topic


def reasons(title: str, abstract: str, topic: str, **rules: Any) -> tuple[str, ...]:
    papers = [
        make_paper(1, title=title, abstract=abstract),
        make_paper(2, title="Tape", abstract="Archives."),
    ]
    return rank(build_index(papers), [make_topic(topic, **rules)])[0][0].because


def test_a_phrase_is_named_as_the_paper_spells_it() -> None:
    abstract = "We study retrieval-augmented generation and fine diffusion."
    assert reasons("Augmented", abstract, "Retrieval augmented generation") == (
        "retrieval-augmented generation",
    )


def test_words_apart_are_named_singly_and_no_word_twice() -> None:
    because = reasons(
        "Diffusion for pictures", "Language models are not diffused.", "diffusion language models"
    )
    assert set(because) == {"Diffusion", "Language models"}


def test_a_phrase_ends_where_its_sentence_does() -> None:
    assert set(reasons("On speech", "We hear speech. Recognition fails.", "speech recognition")) == {
        "speech",
        "Recognition",
    }


def test_stop_words_inside_a_phrase_are_named_with_it() -> None:
    title = "Reinforcement learning from human feedback"
    assert reasons(title, "", "reinforcement learning from human feedback") == (title,)


def test_a_word_is_named_with_what_a_hyphen_joins_to_it() -> None:
    assert reasons("Models", "They do few-shot learning.", "few-shot learning") == ("few-shot learning",)


def test_a_keyword_inside_a_named_phrase_is_not_named_again() -> None:
    because = reasons("Speech models", "", "speech models", keywords=("speech", "Models"))
    assert because == ("Speech models",)


def test_characters_of_a_script_without_blanks_are_named_together() -> None:
    assert reasons("基于图的机器学习", "", "机器学习") == ("机器学习",)


def test_an_accent_in_tex_is_spelt_as_the_mail_spells_it() -> None:
    assert reasons(r"A Saarbr\"ucken corpus", "", "Saarbrucken") == ("Saarbrücken",)


def test_a_long_word_of_hyphens_is_named_whole() -> None:
    word = "electroencephalography-magnetoencephalography-informed"
    assert reasons(f"An {word} decoder", "", "informed decoder") == (f"{word} decoder",)


def test_six_reasons_are_enough() -> None:
    text = "apple pears. plums. cherries. quinces. figs. grapes. lemons. melons"
    assert len(reasons("Fruit", text, "melon apple grape fig plum lemon pear quince")) == 6


def test_words_that_are_always_parted_are_named_singly() -> None:
    because = reasons("Speech, recognition. " * 2000, "A hostile title.", "recognition speech " * 40)
    assert set(because) == {"Speech", "recognition"}


def test_a_phrase_of_a_script_with_vowel_signs_is_told_whole() -> None:
    paper = make_paper(1, title="बड़ी भाषा मॉडल", abstract="")
    [match] = rank(build_index([paper]), [make_topic("बड़ी भाषा मॉडल")])[0]
    assert match.because == ("बड़ी भाषा मॉडल",)


def test_matches_without_parts_spoil_no_reasons_of_others() -> None:
    liked = make_paper(2, title="Graph networks for molecules", abstract="Neural networks for chemistry.")
    topic = make_topic("graph networks", liked=(liked.id,))
    index = build_index([make_paper(1, title="Graph neural networks for molecules")])
    [bare] = rank(index, [topic], examples={liked.id: liked}, reasons=False)[0]
    explain(index, [(topic, bare._replace(parts=None))], examples={liked.id: liked})
    [told] = explain(index, [(topic, bare)], examples={liked.id: liked})
    assert told.because[0] == "you liked “Graph networks for molecules”"


@pytest.mark.parametrize(("times", "told"), [(100, "model zoo"), (300, "")])
def test_no_phrase_is_looked_for_behind_hundreds_of_its_first_word(times: int, told: str) -> None:
    """Each of them would have to be counted in the text: minutes for a hostile abstract."""
    index = build_index([make_paper(1, title="A", abstract="model, " * times + "model zoo")])
    assert index.spelling(0).of(index.words.signs(["model", "zoo"])) == told
