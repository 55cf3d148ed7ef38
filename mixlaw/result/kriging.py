"""What laws miss where it was measured: a Gaussian process beside them, conditioned on the rows.

A law is a mean; what it misses is a smooth function of log size, log tokens and shares, plus the
noise of a run (Kennedy and O'Hagan 2001: a discrepancy beside the model; universal kriging has the
law's tangent as its trend, here the resampled refits stand for it). At a measured setting the
prediction follows the measurements within their noise; with the distance from them it goes over
into the law's, continuously.

Draw k is the law of the k-th resampled sweep, conditioned by Matheron's rule: a prior sample of the
process, given for all settings at once by random features (Rahimi and Recht 2007), plus the
correction that takes it through the measured losses (Wilson et al. 2020, arXiv 2002.09309). So it
is one function of the setting, and differences between predictions keep their precision.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixlaw.laws import Inputs

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Kriging:
    """A conditioned Gaussian process of log losses, for one eval set.

    Attributes:
        positions: of the rows that it is conditioned on, shape (p, n).
        variance: prior variance of log loss.
        estimate: coefficients of the rows in the best prediction, shape (n,).
        draws: the same of every draw, shape (n_draws, n).
        frequencies: of the random features, shape (p, m).
        phases: of the random features, shape (m,).
        weights: of the random features in every draw, shape (n_draws, m).
    """

    positions: Array
    variance: float
    estimate: Array
    draws: Array
    frequencies: Array
    phases: Array
    weights: Array

    def __call__(self, x: Inputs) -> tuple[Array, Array]:
        """Log loss to add at inputs x: to the estimate (n,) and to every draw (n_draws, n)."""
        at = positions(x)
        covariance = self.variance * correlation(at, self.positions)
        prior = prior_samples(self, at)
        return covariance @ self.estimate, prior + self.draws @ covariance.T

    def arrays(self) -> dict[str, Array]:
        """The arrays that it is saved as; coefficients of draws need no more than single digits."""
        exact = {name: getattr(self, name) for name in ("positions", "estimate")}
        kept = ("draws", "frequencies", "phases", "weights")
        return exact | {name: getattr(self, name).astype(np.float32) for name in kept}


def prior_samples(of: Kriging, at: Array) -> Array:
    """Prior samples of the process at positions (p, n), one a draw: (n_draws, n)."""
    features = np.cos(of.frequencies.T @ at + of.phases[:, None])
    scale = np.sqrt(2 * of.variance / len(of.phases))
    return np.asarray(scale * (of.weights @ features))


#: Distance over which misfits are alike: e-folds of size and of tokens, and a part of the way from
#: share zero to one. On 84 questions about cells whose runs were left out (quickstart, German),
#: half and twice these lengths gave mean errors of the ratio of .018 and .015, and these .014.
LENGTHS: Mapping[str, float] = {"N": 1.0, "D": 1.0, "share": 0.3}


def positions(x: Inputs) -> Array:
    """Coordinates in units of the lengths over which misfits are alike, shape (p, n).

    Shares are stretched at both ends (arcsine of the root), where losses bend most.
    """
    rows = [np.log(x["N"]) / LENGTHS["N"], np.log(x["D"]) / LENGTHS["D"]]
    if "h" in x:
        spread = np.arcsin(np.sqrt(np.clip(x["h"], 0.0, 1.0))) * (2 / np.pi)
        # All shares move when one does: with two corpora the distance is that of one of them.
        rows += list(spread / (np.sqrt(2) * LENGTHS["share"]))
    return np.stack(rows)


def measured_sizes(of: Kriging) -> Array:
    """Sizes of the rows that a process is conditioned on, counts, shape (n,)."""
    return np.asarray(np.exp(of.positions[0] * LENGTHS["N"]))


def correlation(a: Array, b: Array) -> Array:
    """Matern correlation with smoothness 5/2 between positions (p, n) and (p, m): (n, m)."""
    square = np.sum(a**2, axis=0)[:, None] + np.sum(b**2, axis=0) - 2 * a.T @ b
    distance = np.sqrt(5 * np.maximum(square, 0.0))
    return np.asarray((1 + distance + distance**2 / 3) * np.exp(-distance))
