"""Pieces of the CMR paper (arXiv 2407.17467) that the package itself does not need."""

import math

import numpy as np

from mixlaw.laws import Array


def power_law(x: Array, alpha: float, s: float, beta: float) -> Array:
    """α·x^s + β: the paper's law in T (Eq. 6, one term), in R, and R_CMR(T) before clipping."""
    return np.asarray(alpha * np.asarray(x) ** s + beta, dtype=float)


def power_slope(T: Array, alpha: float, s: float) -> Array:
    """d/d(ln T) of α·T^s: slopes in ln T have the sign of those in T and keep their size."""
    return np.asarray(alpha * s * np.asarray(T) ** s, dtype=float)


def r_cmr(T: Array, alpha: float, s: float, beta: float) -> Array:
    """The paper's CMR law (Eq. 8), clipped to [0, 1]: below its zero no ratio is feasible."""
    return np.clip(power_law(T, alpha, s, beta), 0.0, 1.0)


def critical_ratio(R: Array, turning: Array, T: float) -> Array:
    """R_CMR(T): the largest domain share up to which every turning point lies within T.

    Args:
        R: domain shares, increasing, shape (n,).
        turning: their turning points, shape (..., n); may hold 0 and inf.
        T: the budget.

    Returns:
        Shares of shape (...), interpolated in ln T₀ between two finite turning points; nan where
        the smallest share already turns too late, the largest share where none does.
    """
    late = turning > T
    first = np.where(late.any(-1), late.argmax(-1), len(R))
    upper = np.clip(first, 1, len(R) - 1)[..., None]
    low = np.maximum(np.take_along_axis(turning, upper - 1, -1)[..., 0], np.finfo(float).tiny)
    high = np.take_along_axis(turning, upper, -1)[..., 0]
    usable = (first > 0) & (first < len(R)) & np.isfinite(high) & (low > np.finfo(float).tiny)
    span = np.log(np.where(usable, high, 2.0)) - np.log(np.where(usable, low, 1.0))
    part = np.where(usable, (math.log(T) - np.log(np.where(usable, low, T))) / span, 0.0)
    ratio = R[upper[..., 0] - 1] + part * (R[upper[..., 0]] - R[upper[..., 0] - 1])
    return np.where(first == 0, np.nan, np.where(first == len(R), R[-1], ratio))
