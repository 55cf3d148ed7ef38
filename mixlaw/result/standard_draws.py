"""Random numbers behind the draws of every prediction, drawn once with a fit and stored with it.

Draw k of all predictions of a fit has the same standard draws, so differences between predictions
keep their precision. Fits of earlier versions did not store them; they get those that these
versions computed at every prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Directions in which a prediction may leave the sweep; compute is size x tokens.
DIRECTIONS = ("n_params", "tokens", "compute")
#: Terms of the misfit in range: log size, and polynomials of the share up to degree three.
MISFIT_TERMS = 5
#: Draws of the stack's weights are as concentrated as if each law had this many pseudo-counts.
PSEUDO_COUNTS = 2


@dataclass(frozen=True)
class StandardDraws:
    """Standard draws of a fit.

    Attributes:
        place: uniform on (0, 1): where between, or beyond, two measured sizes, shape (n_draws,).
        spread: Student's t with two degrees of freedom, shape (n_directions, n_draws): a misfit
            without a sign. Its size is known from one held-out step, so the tails are long: with a
            normal spread 73% of the held-out losses of a published table were covered, with this
            83%.
        drift: standard normal, shape (n_directions, n_draws): how a misfit with a sign grows.
        misfit: standard normal, shape (MISFIT_TERMS, n_draws): errors of the misfit in range.
        weights: weights of the laws in a stack, by eval set, shape (n_draws, n_laws).
    """

    place: Array
    spread: Array
    drift: Array
    misfit: Array
    weights: Mapping[str, Array] = field(default_factory=dict)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return len(self.place)

    @classmethod
    def of_earlier_versions(cls, n_draws: int) -> "StandardDraws":
        """Those that earlier versions computed at every prediction: multiples of square roots.

        ``weights`` are left out; see ``earlier_weights``.
        """
        quantile = NormalDist().inv_cdf

        def normal(number: int) -> Array:
            return np.array([quantile(p) for p in _low_discrepancy(n_draws, number**0.5)])

        p = np.array([_low_discrepancy(n_draws, number**0.5) for number in (2, 3, 5)])
        return cls(
            place=_low_discrepancy(n_draws, 7**0.5),
            spread=(2 * p - 1) / np.sqrt(2 * p * (1 - p)),
            drift=np.array([normal(number) for number in (11, 13, 17)]),
            misfit=np.array([normal(number) for number in (19, 23, 29, 31, 37)]),
        )


#: Standard draws of no fit, which are replaced when a fit is made of them.
NONE = StandardDraws(np.empty(0), np.empty((3, 0)), np.empty((3, 0)), np.empty((5, 0)))


def earlier_weights(weights: Sequence[float], n_draws: int) -> Array:
    """Weights of a stack (n_draws, n_laws) as earlier versions drew them (Dirichlet)."""
    share = np.asarray(weights) / np.sum(weights)
    concentration = PSEUDO_COUNTS * len(share) * share
    return np.random.default_rng(0).dirichlet(concentration, n_draws)


def _low_discrepancy(n: int, step: float) -> Array:
    """The n centred quantiles of (0, 1), in the order of the multiples of a step, modulo one."""
    rank = np.argsort(np.argsort((np.arange(n) * step + 0.5 / n) % 1))
    return np.asarray((rank + 0.5) / n)
