"""Whether a law misses its rows by more than noise: residuals beside replicates (an F test)."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

from mixlaw.fit import noise as noises
from mixlaw.fit.row_fit import RowFit

#: Confidence of the F test of residuals against the noise of replicates: conventional.
CONFIDENCE = 0.99
#: Standard deviation of a normal variable over the median of its size.
NORMAL_MEDIAN = 1.4826


def unexplained(part: RowFit) -> float:
    """Variance of a typical log residual that noise between replicates does not explain.

    An F test on all residuals says whether there is any; their median says how much, so that
    an edge of the sweep which the law does not reach leaves the rest of the predictions alone.

    Returns:
        Zero without replicates, or where noise explains the residuals.
    """
    rows, noise, seed = part.rows, part.noise, noises.seed_std(part.rows)
    if np.isnan(seed) or seed == 0 or noise.assumed:
        return 0.0
    cell = noises.cells(rows)
    again = np.bincount(cell)[cell] > 1
    between_seeds = int(again.sum()) - len(np.unique(cell[again]))
    left = len(rows) - len(part.problem.model.free)
    numerator = _independent(left, rows.trunk, noise.correlation)
    denominator = _independent(between_seeds, rows.trunk, noise.correlation)
    variance = noise.between**2 + noise.within**2
    if variance <= seed**2 * fdtri(numerator, denominator, CONFIDENCE):
        return 0.0
    typical = (NORMAL_MEDIAN * np.median(np.abs(part.residual))) ** 2 * len(rows) / left
    return float(max(0.0, min(variance, typical) - seed**2))


def _independent(n: int, trunk: NDArray[np.intp], correlation: float) -> float:
    """How many independent rows n rows are worth, at least one: those of a trunk correlate."""
    per_trunk = len(trunk) / len(np.unique(trunk))
    return max(1.0, n / (1 + (per_trunk - 1) * correlation))
