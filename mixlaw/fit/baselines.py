"""``next-smaller-size``: what one would say without any law.

The loss of the next smaller size, with the same mixture and eval set, interpolated in log tokens to
the same budget; the nearest measured budget where that is outside its range. A law that does not
beat this look-up has taught nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixlaw.fit.rows import Rows
from mixlaw.laws import Array
from mixlaw.quantities import SAME_LEVEL

#: Mixtures are equal when no share differs by more than this.
SAME_SHARE = 1e-3


@dataclass(frozen=True)
class LookUp:
    """Losses looked up for some rows.

    Attributes:
        loss: shape (n,); nan where no size offers the mixture.
        nearest: whether a neighbouring budget had to stand in, shape (n,).
    """

    loss: Array
    nearest: NDArray[np.bool_]


def next_smaller_size(known: Rows, wanted: Rows) -> LookUp:
    """Look every wanted row up among the known ones.

    The next smaller size is taken; where the mixture was not run there, the same size.
    """
    loss, nearest = np.full(len(wanted), np.nan), np.zeros(len(wanted), dtype=bool)
    same = _same_mixture(known, wanted)
    for i, (size, tokens) in enumerate(zip(wanted.x["N"], wanted.x["D"], strict=True)):
        relative = np.log(known.x["N"] / size)
        smaller = same[i] & (relative < -SAME_LEVEL)
        here = same[i] & (np.abs(relative) <= SAME_LEVEL)
        if smaller.any():
            largest = relative[smaller].max()
            here = smaller & (relative >= largest - SAME_LEVEL)
        if here.any():
            loss[i], nearest[i] = _interpolate(known.x["D"][here], known.loss[here], tokens)
    return LookUp(loss, nearest)


def _same_mixture(known: Rows, wanted: Rows) -> NDArray[np.bool_]:
    if "h" not in known.x:
        return np.ones((len(wanted), len(known)), dtype=bool)
    apart = np.abs(wanted.x["h"][:, :, None] - known.x["h"][:, None, :]).max(axis=0)
    return np.asarray(apart <= SAME_SHARE)


def _interpolate(tokens: Array, loss: Array, wanted: float) -> tuple[float, bool]:
    distinct, index = np.unique(tokens, return_inverse=True)
    mean = np.bincount(index, loss) / np.bincount(index)
    outside = not distinct[0] * (1 - SAME_LEVEL) <= wanted <= distinct[-1] * (1 + SAME_LEVEL)
    return float(np.interp(np.log(wanted), np.log(distinct), mean)), outside
