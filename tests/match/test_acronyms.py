import math

import pytest

from digest.match import build_index, rank
from digest.match.acronyms import definitions, learn_acronyms
from digest.match.text import term, terms
from digest.models import Match, Paper
from tests.make import make_paper, make_topic, recorded_papers

SHORT = make_paper(1, title="RAG for law", abstract="We make RAG faster; RAG is slow.")
LONG = make_paper(2, title="Retrieval-augmented generation for law", abstract="We generate with retrieval.")
OTHER = make_paper(3, title="Pruning trees", abstract="Apples and pears.")
FORMS = ["RAG", "retrieval augmented generation"]


def rank_one(text: str, *papers: Paper) -> list[Match]:
    return rank(build_index([*papers, OTHER]), [make_topic(text)])[0]


@pytest.mark.parametrize("text", FORMS)
def test_either_form_finds_papers_in_both(text: str) -> None:
    assert {match.paper_id for match in rank_one(text, SHORT, LONG)} == {SHORT.id, LONG.id}


@pytest.mark.parametrize("text", FORMS)
def test_the_reason_names_the_form_that_the_paper_uses(text: str) -> None:
    because = {match.paper_id: match.because for match in rank_one(text, SHORT, LONG)}
    assert because == {SHORT.id: ("RAG",), LONG.id: ("Retrieval-augmented generation",)}


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("RAG", "retrieval augmented generation"),
        ("MoE", "mixture of experts"),
        ("RLHF", "reinforcement learning from human feedback"),
    ],
)
def test_either_form_finds_mostly_the_same_papers_of_a_day(short: str, long: str) -> None:
    index = build_index(recorded_papers())
    first, second = rank(index, [make_topic(short), make_topic(long)], limit=10)
    shared = {match.paper_id for match in first} & {match.paper_id for match in second}
    assert len(shared) >= 8


def test_both_forms_are_about_as_sure_of_a_paper() -> None:
    short, long = (rank_one(text, SHORT, LONG)[0] for text in FORMS)
    assert abs(short.score - long.score) < 15


@pytest.mark.parametrize("text", ["LLM ", "large language models ", "RAG LLM "])
def test_thousands_of_acronyms_are_a_topic_like_any_other(text: str) -> None:
    paper = make_paper(1, title="LLM agents for retrieval-augmented generation")
    assert rank(build_index([paper]), [make_topic(text * 3000)])[0]


def test_parts_of_a_match_in_another_form_add_up() -> None:
    for match in rank_one("retrieval augmented generation", SHORT, LONG):
        assert 100 / (1 + math.exp(-sum(match.parts or ()))) == pytest.approx(match.score, abs=0.01)


@pytest.mark.parametrize(
    ("text", "acronym", "meaning"),
    [
        ("large language models (LLMs)", "LLM", "large language model"),
        ("proximal policy optimization (PPO)", "PPO", "proximal policy optimization"),
        ("a chain of thought (CoT)", "CoT", "chain thought"),
        ("we use magnetic resonance imaging (MRI)", "MRI", "magnetic resonance imaging"),
    ],
)
def test_definitions_are_read(text: str, acronym: str, meaning: str) -> None:
    assert definitions(text) == {(term(acronym), tuple(terms(meaning)))}


@pytest.mark.parametrize(
    "text", ["none (at all)", "Goodfellow et al. (2014)", "a model (GAN)", "x (ii) y (B)"]
)
def test_brackets_without_a_definition_define_nothing(text: str) -> None:
    assert definitions(text) == set()


def test_papers_of_the_day_teach_new_acronyms() -> None:
    texts = [f"We study zebra yoghurt queues (ZYQ) in {place}." for place in ("Rome", "Bonn")]
    assert learn_acronyms(texts).meanings["zyq"] == ("zebra", "yoghurt", "queue")


def test_an_acronym_with_many_meanings_stands_for_none() -> None:
    texts = ["zebra yoghurt queue (ZYQ)", "zinc yttrium quartz (ZYQ)"] * 5
    assert "zyq" not in learn_acronyms(texts).meanings


@pytest.mark.parametrize("word", ["tag", "har", "acl"])
def test_what_is_mostly_a_word_or_never_defined_stands_for_nothing(word: str) -> None:
    assert word not in learn_acronyms([]).meanings
