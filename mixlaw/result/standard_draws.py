"""Random numbers behind the draws of every prediction, drawn once with a fit and stored with it.

Draw k of all predictions of a fit has the same standard draws, so differences between predictions
keep their precision. Fits of earlier versions did not store them; they get those that these
versions computed at every prediction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Quantiles of a distribution at probabilities, elementwise.
Quantile = Callable[[Array], Array]

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
    def of(cls, n_draws: int, normal: Quantile, student: Quantile) -> "StandardDraws":
        """Draws at quasi-random points, without ``weights``.

        Args:
            n_draws: number of draws.
            normal: quantiles of the normal distribution.
            student: quantiles of Student's t with two degrees of freedom.
        """
        return cls(
            place=richtmyer(n_draws, 7),
            spread=student(np.array([richtmyer(n_draws, prime) for prime in (2, 3, 5)])),
            drift=normal(np.array([richtmyer(n_draws, prime) for prime in (11, 13, 17)])),
            misfit=normal(np.array([richtmyer(n_draws, prime) for prime in (19, 23, 29, 31, 37)])),
        )

    @classmethod
    def of_earlier_versions(cls, n_draws: int) -> "StandardDraws":
        """Those that earlier versions computed at every prediction, without scipy."""
        quantile = NormalDist().inv_cdf
        return cls.of(
            n_draws,
            normal=lambda p: np.array([[quantile(value) for value in row] for row in p]),
            student=lambda p: np.asarray((2 * p - 1) / np.sqrt(2 * p * (1 - p))),
        )


#: Standard draws of no fit, which are replaced when a fit is made of them.
NONE = StandardDraws(np.empty(0), np.empty((3, 0)), np.empty((3, 0)), np.empty((5, 0)))


def draw_weights(weights: Sequence[float], n_draws: int, seed: int = 0) -> Array:
    """Weights of the laws in a stack, from a Dirichlet distribution, shape (n_draws, n_laws).

    Args:
        weights: their means, up to a factor.
        n_draws: number of draws.
        seed: zero in earlier versions, whatever the seed of the fit.
    """
    mean = np.asarray(weights) / np.sum(weights)
    concentration = PSEUDO_COUNTS * len(mean) * mean
    return np.random.default_rng(seed).dirichlet(concentration, n_draws)


def richtmyer(n: int, prime: int) -> Array:
    """The n centred quantiles of (0, 1), in the order of the multiples of sqrt(prime) modulo one.

    R. D. Richtmyer's quasi-random sequence (1951), which fills the unit cube of several primes
    uniformly; its ranks make every margin exact, so that few draws have good tails too.
    """
    rank = np.argsort(np.argsort((np.arange(n) * prime**0.5 + 0.5 / n) % 1))
    return np.asarray((rank + 0.5) / n)
