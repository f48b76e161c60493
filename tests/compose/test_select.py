from hypothesis import given
from hypothesis import strategies as st

from digest.compose.select import select
from digest.models import Match
from tests.make import make_topic


def matches(topic: str, *scored: tuple[str, float]) -> list[Match]:
    return [Match(paper_id=paper, topic=topic, score=score) for paper, score in scored]


def ids(found: tuple[Match, ...]) -> list[str]:
    return [match.paper_id for match in found]


def test_best_papers_are_shown_and_the_rest_left_out() -> None:
    ranked = [(make_topic("a"), matches("a", ("p1", 90), ("p2", 80), ("p3", 70)))]
    selection = select(ranked, max_papers=2)
    assert ids(selection.shown) == ["p1", "p2"]
    assert ids(selection.left_out) == ["p3"]
    assert selection.matched == 3


def test_no_topic_starves_beside_a_louder_one() -> None:
    loud = matches("loud", *((f"p{n}", 99 - n / 10) for n in range(30)))
    quiet = matches("quiet", ("q1", 51.0))
    selection = select([(make_topic("loud"), loud), (make_topic("quiet"), quiet)], max_papers=5)
    assert "q1" in ids(selection.shown)
    assert len(selection.shown) == 5


def test_paper_stands_once_under_its_best_topic() -> None:
    ranked = [(make_topic("a"), matches("a", ("p", 60))), (make_topic("b"), matches("b", ("p", 80)))]
    selection = select(ranked, max_papers=5)
    assert [(match.paper_id, match.topic) for match in selection.shown] == [("p", "b")]
    assert selection.matched == 1


def test_weight_raises_a_topic() -> None:
    heavy = (make_topic("heavy", weight=2.0), matches("heavy", ("h1", 50), ("h2", 49)))
    light = (make_topic("light"), matches("light", ("l1", 90), ("l2", 89)))
    assert ids(select([light, heavy], max_papers=4).shown) == ["h1", "h2", "l1", "l2"]


def test_topic_without_a_paper_of_its_own_is_served_by_one_that_it_shares() -> None:
    first = matches("a", *((f"p{n}", 90.0 - n) for n in range(10)))
    second = matches("b", ("p9", 70.0))
    assert "p9" in ids(select([(make_topic("a"), first), (make_topic("b"), second)], max_papers=3).shown)


def test_nothing_ranked_is_nothing_shown() -> None:
    assert select([(make_topic("a"), [])], max_papers=5).shown == ()
    assert select([(make_topic("a"), matches("a", ("p", 60)))], max_papers=0).shown == ()


scores = st.lists(st.tuples(st.integers(0, 30).map(lambda n: f"p{n}"), st.floats(0, 100)), max_size=20)


@given(st.lists(st.tuples(st.floats(0.1, 5), scores), max_size=6), st.integers(0, 12))
def test_every_paper_is_shown_or_left_out_once_in_order(topics: list, places: int) -> None:
    ranked = [
        (make_topic(f"t{n}", weight=weight), matches(f"t{n}", *found))
        for n, (weight, found) in enumerate(topics)
    ]
    selection = select(ranked, max_papers=places)
    every = ids(selection.shown) + ids(selection.left_out)
    assert sorted(every) == sorted({match.paper_id for _, found in ranked for match in found})
    assert len(selection.shown) == min(places, selection.matched)
    weights = {topic.name: topic.weight for topic, _ in ranked}
    priorities = [match.score * weights[match.topic] for match in selection.shown]
    assert priorities == sorted(priorities, reverse=True)


def test_a_weight_is_a_reason() -> None:
    ranked = [
        (make_topic("a", weight=2.0), matches("a", ("p", 60))),
        (make_topic("b", weight=0.5), matches("b", ("q", 90))),
        (make_topic("c"), matches("c", ("r", 50))),
    ]
    because = {match.paper_id: match.because for match in select(ranked, max_papers=5).shown}
    assert because == {"p": ("raised by weight 2",), "q": ("lowered by weight 0.5",), "r": ()}
