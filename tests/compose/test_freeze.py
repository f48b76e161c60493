from collections.abc import Sequence
from typing import Any

import pytest

from digest.compose.freeze import Window, freeze
from digest.models import Match
from tests.make import NOW, make_match, make_paper, make_subscriber, make_topic

PAPERS = tuple(make_paper(number) for number in range(6))
MATCHES = [make_match(number) for number in range(6)]


def odd(matches: Sequence[Match], most: int) -> list[Match]:
    """A variety that never shows neighbours."""
    return list(matches[::2])[:most]


def test_what_variety_passes_over_is_left_out() -> None:
    window = Window(from_pass=0, to_pass=1, papers=PAPERS)
    reader = make_subscriber(max_papers=3)
    issue = freeze(reader, window, [(make_topic(), MATCHES)], due_at=NOW, vary=odd)
    assert [match.paper_id for match in issue.shown] == [PAPERS[number].id for number in (0, 2, 4)]
    assert [match.paper_id for match in issue.left_out] == [PAPERS[number].id for number in (1, 3, 5)]
    assert issue.matched == 6


def test_near_duplicates_under_two_topics_are_not_both_shown() -> None:
    window = Window(from_pass=0, to_pass=1, papers=PAPERS)
    topics = (make_topic("one"), make_topic("other"))
    reader = make_subscriber(topics=topics)
    ranked = [(topic, [make_match(number, topic=topic.name)]) for number, topic in enumerate(topics)]
    issue = freeze(reader, window, ranked, due_at=NOW, distinct=lambda found: found[:1])
    assert [match.paper_id for match in issue.shown] == [PAPERS[0].id]
    assert (issue.matched, issue.left_out) == (2, ())


def test_a_day_without_a_word_of_the_topics_is_told() -> None:
    window = Window(from_pass=0, to_pass=1, papers=PAPERS)
    reader = make_subscriber(topics=(make_topic("机器学习"),))
    issue = freeze(reader, window, [(reader.topics[0], [])], due_at=NOW)
    assert issue.note.startswith("6 new papers, best score 0: none says a word of your topics; use English")


def test_a_day_whose_matches_were_mailed_before_does_not_call_the_rest_wordless() -> None:
    window = Window(from_pass=0, to_pass=1, papers=PAPERS)
    ruled = make_topic("speech", keywords=("speech",))
    matches = [(ruled, [make_match(1, topic="speech")])]
    issue = freeze(make_subscriber(topics=(ruled,)), window, matches, due_at=NOW, seen={PAPERS[1].id})
    assert issue.note == "5 new papers, none that reaches your cut of 50."


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"categories": ("cs.XX",)}, "categories"),
        ({"keywords": ("a",), "categories": ("cs.XX",)}, "keywords and categories"),
        (
            {"keywords": ("a",), "exclude": ("b",), "categories": ("c",)},
            "keywords, exclusions and categories",
        ),
    ],
)
def test_a_day_on_which_rules_keep_everything_out_names_them(rules: dict[str, Any], told: str) -> None:
    window = Window(from_pass=0, to_pass=1, papers=PAPERS)
    ruled = make_topic("speech", **rules)
    issue = freeze(make_subscriber(topics=(ruled,)), window, [(ruled, [])], due_at=NOW)
    assert issue.note == f"6 new papers. None that meets the {told} of speech says a word of it."
