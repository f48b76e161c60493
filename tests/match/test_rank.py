import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import RankError
from digest.match import build_index, check_topic, explain, rank
from digest.match.best import pick
from digest.models import Match, Paper, Topic
from tests.make import make_paper, make_topic, recorded_papers

SPEECH = make_paper(1, title="Monaural speech separation with transformers", abstract="We separate speakers.")
PRUNING = make_paper(2, title="Pruning neural networks", abstract="Sparse transformers are fast on CPUs.")
STORAGE = make_paper(3, title="Fragmented storage", abstract="Disks and tapes for archives.")
PAPERS = [SPEECH, PRUNING, STORAGE]


def rank_one(topic: Topic, papers: list[Paper] = PAPERS, **options: Any) -> list[Match]:
    return rank(build_index(papers), [topic], **options)[0]


def test_paper_with_a_sign_of_several_words_is_ranked_and_explained() -> None:
    index = build_index([make_paper(1, title="Language of the prophet \ufdfa"), make_paper(2)])
    [match] = rank(index, [make_topic("الله language")])[0]
    assert match.because == ("Language",)


def test_the_best_paper_is_first_and_says_why() -> None:
    best = rank_one(make_topic("separation of speech by transformers"))[0]
    assert (best.paper_id, best.topic) == (SPEECH.id, "separation of speech by transformers")
    assert set(best.because) == {"separation", "speech", "transformers"}


def test_word_boundaries_hold() -> None:
    assert rank_one(make_topic("RAG")) == []


def test_scores_never_rise_and_stay_in_range() -> None:
    scores = [match.score for match in rank_one(make_topic("transformers for speech on CPUs"))]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)


def test_nothing_in_common_is_no_match() -> None:
    assert rank_one(make_topic("medieval pottery")) == []


def test_matches_below_the_cut_are_left_out() -> None:
    every = rank_one(make_topic("speech transformers"))
    assert rank_one(make_topic("speech transformers"), cut=every[0].score) == every[:1]


@pytest.mark.parametrize("cut", [1.0, 30.0, 50.0])
def test_what_is_given_at_a_cut_is_what_its_scores_say(cut: float) -> None:
    papers = recorded_papers()
    topics = [make_topic(" ".join(paper.title.split()[:3])) for paper in papers[:150]]
    every = rank(build_index(papers), topics, reasons=False)
    above = rank(build_index(papers), topics, cut=cut, reasons=False)
    assert above == [[match for match in found if match.score >= cut] for found in every]


def test_limit_keeps_the_best() -> None:
    every = rank_one(make_topic("speech transformers"))
    assert rank_one(make_topic("speech transformers"), limit=1) == every[:1]


def test_the_best_is_kept_below_the_cut_if_asked() -> None:
    every = rank_one(make_topic("transformers"))
    assert rank_one(make_topic("transformers"), cut=99.9, or_best=True) == every[:1]
    assert rank_one(make_topic("transformers"), cut=0.0, or_best=True) == every
    assert rank_one(make_topic("zebra"), cut=99.9, or_best=True) == []


def test_parts_add_up_to_the_score() -> None:
    for match in rank_one(make_topic("speech transformers", authors=("Ada Lovelace",))):
        assert 100 / (1 + math.exp(-sum(match.parts or ()))) == pytest.approx(match.score, abs=0.01)


def test_reasons_given_to_winners_alone_are_those_of_the_whole_list() -> None:
    index, topics = build_index(PAPERS), [make_topic("speech separation", weight=2.0), make_topic("speech")]
    whole = rank(index, topics)
    bare = rank(index, topics, reasons=False)
    assert all(match.because == () for found in bare for match in found)
    picks = [(topic, match) for topic, found in zip(topics, bare, strict=True) for match in found]
    for _ in range(2):  # made, then remembered
        assert explain(index, picks) == [match for found in whole for match in found]


def test_equal_topics_are_ranked_once() -> None:
    first, second = rank(build_index(PAPERS), [make_topic("speech"), make_topic("speech")])
    assert first is second


@settings(suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=70, max_size=70), min_size=1, max_size=5),
    st.integers(1, 9),
)
def test_pruning_finds_the_same_best_as_sorting(rows: list[list[int]], limit: int) -> None:
    logits, least = np.array(rows, np.float32), np.full((len(rows), 1), -1, np.float32)
    found, numbers = pick(logits, limit, least)
    for number, row in enumerate(logits):
        order = np.argsort(-row, kind="stable")
        assert numbers[found == number].tolist() == [one for one in order if row[one] >= -1][:limit]


def test_each_topic_has_its_own_list_in_the_order_asked() -> None:
    ranked = rank(build_index(PAPERS), [make_topic("storage"), make_topic("zebra"), make_topic("speech")])
    assert [[match.topic for match in matches] for matches in ranked] == [["storage"], [], ["speech"]]


def test_the_same_input_gives_the_same_output_in_any_order_of_topics() -> None:
    topics = [make_topic(name) for name in ("speech", "storage", "transformers")]
    index = build_index(PAPERS)
    assert rank(index, topics) == rank(index, topics[::-1])[::-1]


def test_no_papers_and_no_topics_are_no_fault() -> None:
    assert rank(build_index([]), [make_topic("speech")]) == [[]]
    assert rank(build_index(PAPERS), []) == []


def test_papers_without_words_are_no_fault() -> None:
    assert (
        rank_one(make_topic("speech"), [make_paper(1, title="???", abstract=""), SPEECH])[0].paper_id
        == SPEECH.id
    )


@pytest.mark.parametrize("text", ["", "  ", "the of and", "😀 🚀", "…"])
def test_topic_without_a_word_is_named_and_matches_nothing(text: str) -> None:
    topic = Topic(name=text)
    with pytest.raises(RankError, match="topic"):
        check_topic(topic)
    assert rank_one(topic) == []


@pytest.mark.parametrize("text", ["machine learning", "机器学习", "למידת מכונה", "C++", "naïve"])
def test_topic_in_any_script_is_accepted(text: str) -> None:
    check_topic(Topic(name=text))


@pytest.mark.parametrize("text", ["机器学习", "למידת מכונה", "تعلم الآلة", "машинное обучение"])
def test_words_of_any_script_are_found(text: str) -> None:
    papers = [*PAPERS, make_paper(4, title=f"{text} 2026", abstract="")]
    assert [match.paper_id for match in rank_one(make_topic(text), papers)] == [papers[3].id]


def test_a_very_long_topic_is_ranked() -> None:
    words = random.Random(1).choices(
        ["speech", "separation", "transformers", "zebra", "pottery", "of"], k=10_000
    )
    assert rank_one(make_topic(" ".join(words)))[0].paper_id == SPEECH.id


def test_a_sentence_finds_what_its_words_find() -> None:
    short, told = rank(
        build_index(PAPERS),
        [make_topic("speech separation"), make_topic("I am interested in papers about speech separation")],
    )
    assert [match.score for match in told[:1]] == pytest.approx([match.score for match in short[:1]], abs=1)


def test_a_long_description_is_as_sure_of_a_good_paper_as_a_short_topic() -> None:
    described = (
        "monaural separation of speech with transformers: separating the voices of several speakers, "
        "enhancement in noise, recurrent networks for audio, and their evaluation on recordings of meetings"
    )
    paper = make_paper(
        7,
        title="Transformers for monaural speech separation",
        abstract="We separate the voices of speakers in noisy meetings with recurrent networks; audio.",
    )
    short, long = rank(
        build_index([*PAPERS, paper]), [make_topic("speech separation"), make_topic(described)]
    )
    assert short[0].score > 50
    assert long[0].paper_id == paper.id
    assert long[0].score > 50


def test_words_that_people_ask_with_count_where_there_are_no_others() -> None:
    papers = [*PAPERS, make_paper(8, title="How people find papers", abstract="Recent publications, read.")]
    assert rank_one(make_topic("papers"), papers)[0].paper_id == papers[3].id
