from digest.match import build_index, choose_varied, drop_twins, rank
from digest.models import Match, Parts
from tests.make import make_paper, make_topic

ABSTRACT = (
    "We separate two speakers from one microphone with a recurrent network and report gains on noisy rooms. "
    "The encoder learns filters, the masks follow long context, and a decoder rebuilds each waveform; "
    "ablations show what memory, window length and overlap contribute under reverberation and music."
)
PAPERS = [
    make_paper(1, title="Speech separation with recurrent networks", abstract=ABSTRACT),
    make_paper(
        2, title="Speech separation with recurrent networks (extended)", abstract=ABSTRACT + " And more."
    ),
    make_paper(3, title="Speech separation by attention", abstract="Attention finds who speaks."),
    make_paper(4, title="Speech translation", abstract="We translate speech of forty languages."),
    make_paper(5, title="Fast speech recognition", abstract="Recognition of speech on small devices."),
]
INDEX = build_index(PAPERS)


def ranked() -> list[Match]:
    return rank(INDEX, [make_topic("speech separation")])[0]


def test_near_duplicates_of_better_matches_are_dropped() -> None:
    ids = {match.paper_id for match in drop_twins(INDEX, ranked())}
    assert len(ids & {PAPERS[0].id, PAPERS[1].id}) == 1
    assert {PAPERS[2].id, PAPERS[3].id} <= ids


def test_short_texts_are_no_duplicates() -> None:
    papers = [make_paper(number, title=f"Speech {number}", abstract="It works.") for number in range(4)]
    assert list(build_index(papers).twins) == [0, 1, 2, 3]


def test_papers_on_one_subject_are_no_duplicates() -> None:
    assert len({INDEX.twins[number] for number in (0, 2, 3, 4)}) == 4


def test_choice_keeps_the_order_of_the_scores() -> None:
    scores = [match.score for match in choose_varied(INDEX, ranked(), 3)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)


def test_choice_begins_with_the_best() -> None:
    assert choose_varied(INDEX, ranked(), 1) == ranked()[:1]
    assert choose_varied(INDEX, [], 3) == []


def test_of_equal_matches_the_one_that_is_unlike_is_chosen() -> None:
    alike = Parts(words=1.0, meaning=0.0, likes=0.0, topic=0.0)
    even = [match._replace(parts=alike) for match in ranked() if match.paper_id != PAPERS[1].id]
    chosen = {match.paper_id for match in choose_varied(INDEX, even, 2)}
    assert even[0].paper_id in chosen
    assert PAPERS[2].id not in chosen - {even[0].paper_id}


def test_papers_of_followed_authors_leave_relevance_its_say() -> None:
    matches = ranked()
    followed = matches[-1]._replace(parts=Parts(words=0.0, meaning=0.0, likes=0.0, topic=0.0, author=40.0))
    rest = matches[:-1]
    with_author = {match.paper_id for match in choose_varied(INDEX, [followed, *rest], 3)}
    alone = {match.paper_id for match in choose_varied(INDEX, rest, 2)}
    assert with_author == {followed.paper_id} | alone
