"""What a vote does to the topic that it teaches."""

import pytest

from digest.pipeline.voting import teach
from tests.make import make_topic

FORMS = ("2312.11825", "arxiv:2312.11825", "https://arxiv.org/abs/2312.11825", "arXiv:2312.11825v2")


@pytest.mark.parametrize("typed", FORMS)
def test_a_vote_takes_the_place_of_what_the_file_said_in_any_form(typed: str) -> None:
    taught = teach(make_topic(liked=(typed, "2401.00001")), "arxiv:2312.11825", -1)
    assert (taught.liked, taught.disliked) == (("2401.00001",), ("2312.11825",))


def test_a_vote_taken_back_leaves_neither() -> None:
    taught = teach(make_topic(disliked=("2312.11825",)), "arxiv:2312.11825", 0)
    assert (taught.liked, taught.disliked) == ((), ())
