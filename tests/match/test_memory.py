from digest.match import build_index, rank, rank_ids
from digest.match.memory import Memory
from digest.models import Topic
from tests.make import make_paper, make_topic

PAPERS = [
    make_paper(1, title="Monaural speech separation", abstract="We separate speakers with transformers."),
    make_paper(2, title="Pruning transformers", abstract="Sparse networks are fast on CPUs."),
    make_paper(3, title="Speech on CPUs", abstract="Small networks for speech."),
]
NAMES = ["speech separation", "transformers", "networks on CPUs", "speech"]


def test_memory_never_holds_more_than_its_room() -> None:
    memory = Memory[int, str](4)
    for number in range(100):
        memory.keep(number, str(number))
        assert len(memory) <= 4
    assert (memory.get(99), memory.get(0)) == ("99", None)


def test_what_is_asked_for_again_and_again_is_not_forgotten() -> None:
    memory = Memory[int, str](4)
    memory.keep(0, "popular")
    for number in range(1, 100):
        memory.keep(number, "rare")
        assert memory.get(0) == "popular"


def test_topics_that_are_typed_differently_are_ranked_once() -> None:
    index = build_index(PAPERS)
    typed = ["speech separation", "Speech  Separation ", "ＳＰＥＥＣＨ\tseparation"]
    ranked = rank(index, [Topic(name=name) for name in typed])
    assert len(index.ranked) == 1
    assert [matches[0].topic for matches in ranked] == typed
    assert len({tuple((match.paper_id, match.score) for match in matches) for matches in ranked}) == 1


def test_topics_of_one_text_and_other_rules_are_told_apart() -> None:
    index = build_index(PAPERS)
    every, few = rank(index, [make_topic("speech"), make_topic("speech", exclude=("transformers",))])
    assert [match.paper_id for match in every if match not in few] == [PAPERS[0].id]


def test_a_list_that_was_kept_is_as_if_ranked_alone() -> None:
    index, topics = build_index(PAPERS), [make_topic(name) for name in NAMES]
    together = rank(index, topics)
    again = [rank(index, [topic])[0] for topic in topics]
    assert together == again == [rank(build_index(PAPERS), [topic])[0] for topic in topics]


def test_ids_alone_are_those_of_the_matches() -> None:
    index, topics = build_index(PAPERS), [make_topic(name) for name in NAMES]
    matches = rank(index, topics, limit=2)
    ids = [[(match.paper_id, match.score) for match in found] for found in matches]
    assert [[*found.items()] for found in rank_ids(index, topics, limit=2)] == ids
