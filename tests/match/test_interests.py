import pytest

from digest.match import build_index, rank
from digest.match.query import interests, wanted
from digest.models import Match
from tests.make import make_topic, recorded_papers

INDEX = build_index(recorded_papers())
BOTH = "speech recognition; graph neural networks"


def best(*texts: str) -> list[dict[str, Match]]:
    ranked = rank(INDEX, [make_topic(text) for text in texts], cut=50.0)
    return [{match.paper_id: match for match in found} for found in ranked]


@pytest.mark.parametrize("text", [BOTH, BOTH.replace(";", " | "), BOTH.replace(";", " /")])
def test_a_topic_that_lists_two_interests_finds_the_papers_of_each(text: str) -> None:
    listed, *alone = best(text, *BOTH.split("; "))
    assert all(alone)
    for found in alone:
        assert all(listed[one].score >= match.score for one, match in found.items())
        assert all(listed[one].because == match.because for one, match in found.items())


def test_either_of_two_things_is_found_less_surely_than_alone() -> None:
    either, alone = best("speech recognition and graph neural networks", "graph neural networks")
    assert either.keys() & alone.keys()
    assert all(either[one].score < alone[one].score for one in either.keys() & alone.keys())


def test_a_single_word_beside_and_is_half_of_a_pair() -> None:
    assert [*interests("search and rescue robots and drone navigation")] == [
        "search and rescue robots",
        "drone navigation",
    ]
    assert interests("text and image generation") == {}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("language models for biology, but not chemistry", "language models for biology"),
        ("causal discovery, and not about LLMs", "causal discovery"),
        ("robots, excluding drones", "robots"),
        (
            "drugs, including but not limited to antibiotics",
            "drugs, including but not limited to antibiotics",
        ),
        ("data missing not at random", "data missing not at random"),
        ("not chemistry", "not chemistry"),
    ],
)
def test_what_a_topic_says_is_not_wanted_is_left_out(text: str, left: str) -> None:
    assert wanted(text) == left


def test_acronyms_of_an_interest_are_spelled_out() -> None:
    listed, alone = best("speech recognition; GNN", "GNN")
    assert alone.keys() <= listed.keys()
    assert "Graph Neural Networks" in {said for match in listed.values() for said in match.because}


@pytest.mark.parametrize(
    "text",
    [
        "speech/audio models",
        "p(x|y)",
        "agents; not surveys",
        "robots; especially those that are legged",
        "graphs; ",
        "one; two; three; four; five; six; seven; eight; nine",
    ],
)
def test_what_lists_nothing_is_one_topic(text: str) -> None:
    assert interests(wanted(text)) == {}
