"""Exact: directions of which every machine makes the same products. Pure.

Sums of floats depend on the order in which a processor's library adds them. Between multiples of 1/2048
every product and every sum of a cosine is a whole number of 2^-22, and below 2^24 of these a float32 holds
it exactly: in any order, on any number of threads.
"""

import numpy as np
import numpy.typing as npt

GRID = np.float32(2048)


def exact(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows of length two at most, rounded to multiples of 1/2048."""
    return np.asarray(np.round(rows * GRID) / GRID, np.float32)
