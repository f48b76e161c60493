import numpy as np

from digest.match import build_index
from digest.match.exact import exact
from digest.match.meaning import unit
from tests.make import make_paper


def test_products_do_not_depend_on_the_order_of_their_sums() -> None:
    rows = exact(unit(np.random.default_rng(1).normal(size=(200, 384)).astype(np.float32)))
    turned = np.random.default_rng(2).permutation(384)
    assert (rows @ rows.T == rows[:, turned] @ rows[:, turned].T).all()
    assert (rows @ rows.T == rows.astype(np.float64) @ rows.T.astype(np.float64)).all()


def test_rounding_turns_directions_by_next_to_nothing() -> None:
    rows = unit(np.random.default_rng(3).normal(size=(200, 384)).astype(np.float32))
    assert np.abs((exact(rows) * rows).sum(axis=1) - 1).max() < 1e-3


def test_an_index_keeps_exact_directions() -> None:
    index = build_index([make_paper(1, title="Speech"), make_paper(2, title="Music for speech")])
    assert (exact(index.meanings) == index.meanings).all()
    assert (exact(index.postings.common) == index.postings.common).all()
