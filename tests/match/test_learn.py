import random

import numpy as np

from digest.match import build_index, rank
from digest.match.learn import learn, likes_weight
from digest.models import Match
from tests.make import make_paper, make_topic, recorded_papers

BIRDS = make_paper(1, title="Songs of birds", abstract="Birds sing in forests at dawn.")
FISH = make_paper(2, title="Schools of fish", abstract="Fish swim in rivers and lakes.")
SEEN = make_paper(3, title="Birds at dawn", abstract="Why do birds sing in forests?")
BOTH = make_paper(4, title="Songs of the river", abstract="Do fish hear the birds sing at dawn?")
PAPERS = [BIRDS, FISH, BOTH]


def scores(matches: list[Match]) -> dict[str, float]:
    return {match.paper_id: match.score for match in matches}


def test_papers_like_the_liked_one_come_first() -> None:
    topic = make_topic("animals", liked=("2604.00003",))
    matches = rank(build_index(PAPERS), [topic], examples={"2604.00003": SEEN})[0]
    assert [match.paper_id for match in matches][:2] == [BIRDS.id, BOTH.id]


def test_likes_join_the_topics_words() -> None:
    topic = make_topic("fish", liked=("2604.00003",))
    found = {match.paper_id for match in rank(build_index(PAPERS), [topic], examples={"2604.00003": SEEN})[0]}
    assert found == {BIRDS.id, FISH.id, BOTH.id}


def test_dislikes_push_papers_down() -> None:
    index, disliked = build_index(PAPERS), make_topic("songs of birds", disliked=("2604.00003",))
    [before] = rank(index, [make_topic("songs of birds")])
    [after] = rank(index, [disliked], examples={"2604.00003": SEEN})
    assert scores(after)[BIRDS.id] < scores(before)[BIRDS.id]


def test_liked_papers_are_not_shown_again() -> None:
    topic = make_topic("birds", liked=("a",), disliked=("b",))
    matches = rank(build_index(PAPERS), [topic], examples={"a": BIRDS, "b": FISH})[0]
    assert [match.paper_id for match in matches] == [BOTH.id]


def test_unknown_likes_change_nothing() -> None:
    index = build_index(PAPERS)
    [known], [unknown] = rank(index, [make_topic("birds")]), rank(index, [make_topic("birds", liked=("?",))])
    assert [match.score for match in known] == [match.score for match in unknown]


def test_likes_without_a_word_that_any_paper_holds_change_nothing() -> None:
    strange = make_paper(70, title="Распознавание речи", abstract="")
    asked, examples = make_topic("birds", liked=("liked",)), {"liked": strange}
    [plain] = rank(build_index(PAPERS), [make_topic("birds")])
    assert len(plain) == 2
    assert rank(build_index(PAPERS), [asked], examples=examples) == [plain]


def test_paper_that_is_liked_in_two_forms_of_its_id_is_liked_once() -> None:
    index = build_index([make_paper(number, title=f"language models {number}") for number in range(3)])
    liked, ids = make_paper(9, title="models of language"), ("2604.00009", "arXiv:2604.00009v2")
    once, twice = (
        rank(index, [make_topic(liked=some)], examples=dict.fromkeys(ids, liked)) for some in (ids[:1], ids)
    )
    assert once == twice


def test_a_liked_paper_is_read_the_same_in_any_company() -> None:
    papers = recorded_papers()
    [paper] = (one for one in papers if one.id == "arxiv:2604.09669")  # at an edge of the grid of meanings
    companies = [random.Random(seed).sample(papers[1:], 400) for seed in range(4)]
    read = [learn(build_index(papers[:1]), [*some, paper])[paper.id].meaning for some in ([], *companies)]
    assert all(np.array_equal(read[0], one) for one in read)


def test_likes_weigh_more_the_more_there_are() -> None:
    assert [likes_weight(count) for count in (0, 1, 2, 6)] == [0, 1 / 3, 1 / 2, 3 / 4]


def test_a_reason_names_the_liked_paper_that_is_nearest() -> None:
    swim = make_paper(5, title="Why fish swim", abstract="Fish swim in rivers; fish swim in lakes.")
    topic = make_topic("animals", liked=("a", "b"))
    matches = rank(build_index(PAPERS), [topic], examples={"a": SEEN, "b": swim})[0]
    because = {match.paper_id: match.because for match in matches}
    assert "you liked “Birds at dawn”" in because[BIRDS.id]
    assert "you liked “Why fish swim”" in because[FISH.id]
