"""The random numbers that predictions of a fit are spread by, drawn once when the fit is made."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from mixlaw.laws import Array
from mixlaw.result.standard_draws import DIRECTIONS, MISFIT_TERMS, PSEUDO_COUNTS, StandardDraws


def draw_standard(n_draws: int, weights: Mapping[str, Sequence[float]], seed: int) -> StandardDraws:
    """Standard draws of a fit.

    Args:
        n_draws: number of draws.
        weights: weights of the laws in the stack of every eval set; a single law draws none.
        seed: of the scrambling and of the weights.
    """
    # A stream of its own: the resampled sweeps are drawn from the seed itself.
    rng = np.random.default_rng([seed, 1])
    n = len(DIRECTIONS)
    uniform = _uniform(n_draws, 1 + 2 * n + MISFIT_TERMS, rng)
    place, spread, drift, misfit = np.split(uniform, [1, 1 + n, 1 + 2 * n])
    return StandardDraws(
        place=place[0],
        spread=stdtrit(2, spread),
        drift=ndtri(drift),
        misfit=ndtri(misfit),
        weights={
            name: rng.dirichlet(PSEUDO_COUNTS * len(shares) * np.asarray(shares), n_draws)
            for name, shares in weights.items()
            if len(shares) > 1
        },
    )


def _uniform(n_draws: int, n_dimensions: int, rng: np.random.Generator) -> Array:
    """Scrambled Sobol points, shape (n_dimensions, n_draws): the n centred quantiles in each row.

    Ranks turn any part of the sequence into exact quantiles, so that few draws have no worse tails.
    """
    from scipy.stats.qmc import Sobol

    sobol = Sobol(n_dimensions, rng=rng)
    points = sobol.random_base2(int(np.ceil(np.log2(max(n_draws, 1)))))[:n_draws]
    return np.asarray((np.argsort(np.argsort(points, axis=0), axis=0) + 0.5) / n_draws).T
