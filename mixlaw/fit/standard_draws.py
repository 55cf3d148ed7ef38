"""The random numbers that predictions of a fit are spread by, drawn once when the fit is made.

Their points are those of earlier versions, so that the same table keeps its answer: with scrambled
Sobol points in their place, which are as good, the ends of intervals on the reference experiment
moved by up to 0.06 of share, as they do with another seed of the bootstrap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scipy.special import ndtri, stdtrit

from mixlaw.result.standard_draws import StandardDraws, draw_weights


def draw_standard(n_draws: int, weights: Mapping[str, Sequence[float]], seed: int) -> StandardDraws:
    """Standard draws of a fit.

    Args:
        n_draws: number of draws.
        weights: weights of the laws in the stack of every eval set; a single law draws none.
        seed: of the weights.
    """
    standard = StandardDraws.of(n_draws, normal=ndtri, student=lambda p: stdtrit(2, p))
    drawn = {
        name: draw_weights(shares, n_draws, seed)
        for name, shares in weights.items()
        if len(shares) > 1
    }
    return replace(standard, weights=drawn)
