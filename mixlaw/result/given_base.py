"""The loss after CPT, given what the target's base was measured to lose.

Draw k of the loss after CPT and of the base loss belong together: one resampled sweep, one misfit
that both share. So their covariance over the draws says how far a base that lies off its law moves
what a run from it ends at, and the pairs are conditioned on the measured base (Matheron's rule, as
in an ensemble Kalman filter: Evensen 1994, doi 10.1029/94JC00572).
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from mixlaw.result.standard_draws import richtmyer
from mixlaw.result.types import Array, Prediction

#: Prime of the quasi-random sequence behind the measurement's errors: the next that is free.
_PRIME = 41


@dataclass(frozen=True)
class KnownLoss:
    """A measured loss, or several.

    Attributes:
        value: nats per token, a number or shape (n,).
        standard_error: of the measurement, nats per token.
    """

    value: float | Array
    standard_error: float = 0.0

    def draws(self, n_draws: int) -> Array:
        """Draws of it, shape (n_draws, 1) or (n_draws, n)."""
        error = [NormalDist().inv_cdf(p) for p in richtmyer(n_draws, _PRIME)]
        return np.asarray(self.value + self.standard_error * np.array(error)[:, None])


def given_base(after: Prediction, base: Prediction, measured: KnownLoss) -> Prediction:
    """Loss after CPT, given the measured loss of the base that it starts from.

    With m measured, s its standard error and b the base law, the draws L move by

        K_n (m + s e_k - b_k),   K = (cov(L, b) + τ²) / (var(b) + τ² + s²),

    where τ² = max(0, (m - b)² - var(b) - s²) is how much more the base lies off its law than the
    draws explain. That is a model of another kind or other text, and a run keeps its start: K goes
    to one, so that the level moves and the rise does not. The draws of that common shift, whose
    part in the rise is at most a quarter of ``var(b)``, are left out.

    Args:
        after: loss after CPT at n points, nats per token.
        base: the base law's prediction at n points or one, with draws paired to those of ``after``.
        measured: loss of the base, a number or shape (n,).
    """
    n_draws = min(len(after.draws), len(base.draws))
    drawn, of_base = after.draws[:n_draws], base.draws[:n_draws]
    off = of_base - of_base.mean(axis=0)
    variance = np.mean(off**2, axis=0)
    covariance = np.mean((drawn - drawn.mean(axis=0)) * off, axis=0)
    apart = measured.value - base.estimate
    known = variance + measured.standard_error**2
    excess = np.maximum(apart**2 - known, 0.0)
    total = known + excess
    gain = np.divide(covariance + excess, total, out=np.ones_like(covariance), where=total > 0)
    return Prediction(
        after.estimate + gain * apart,
        drawn + gain * (measured.draws(n_draws) - of_base),
    )
