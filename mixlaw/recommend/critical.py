"""The largest share that keeps a bound: per draw, and with a stated probability.

Both functions take the *excess* of a quantity over its bound along an increasing ratio axis; a
share is allowed where the excess is at most zero. Between two points of the axis the excess is
linear. A NaN or +inf excess (a power law at share zero) is not allowed.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Steps between two points of the axis when the probability of staying within the bound is sought.
_FINE = 41


def critical_ratios(ratios: Array, excess: Array) -> Array:
    """Largest allowed ratio of every row.

    Args:
        ratios: the ratio axis, shape (n_ratios,).
        excess: quantity minus bound, shape (n_draws, n_ratios).

    Returns:
        Critical ratios, shape (n_draws,); NaN where no ratio is allowed.
    """
    allowed = excess <= 0
    last = excess.shape[1] - 1 - np.argmax(allowed[:, ::-1], axis=1)
    rows = np.arange(len(excess))
    following = np.minimum(last + 1, excess.shape[1] - 1)
    inside, outside = excess[rows, last], excess[rows, following]
    with np.errstate(invalid="ignore", divide="ignore"):
        step = np.where(outside > 0, inside / (inside - outside), 0.0)
    step = np.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0)
    crossing = ratios[last] + step * (ratios[following] - ratios[last])
    critical: Array = np.where(allowed.any(axis=1), crossing, np.nan)
    return critical


def probability_exceeded(excess: Array) -> Array:
    """Share of the draws that break the bound at every ratio, shape (n_ratios,)."""
    broken: Array = np.mean(~(excess <= 0), axis=0)
    return broken


def ratio_at_risk(ratios: Array, excess: Array, risk: float) -> float:
    """Largest ratio whose bound at most a share ``risk`` of the draws breaks; NaN if none."""
    kept = np.flatnonzero(probability_exceeded(excess) <= risk)
    if not len(kept):
        return float("nan")
    last = kept[-1]
    if last == len(ratios) - 1:
        return float(ratios[-1])
    steps = np.linspace(0.0, 1.0, _FINE)
    with np.errstate(invalid="ignore"):
        between = np.outer(excess[:, last], 1 - steps) + np.outer(excess[:, last + 1], steps)
    between[:, 0] = excess[:, last]
    step = steps[np.flatnonzero(probability_exceeded(between) <= risk)[-1]]
    return float(ratios[last] + step * (ratios[last + 1] - ratios[last]))
