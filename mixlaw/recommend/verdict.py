"""What a rule returns: a ratio or the reason why there is none, with its draws."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.quantities import percent
from mixlaw.recommend.mixture_path import MixturePath
from mixlaw.result.types import LEVEL, Status

Array = NDArray[np.float64]


#: From this probability of breaking the bound at every ratio the verdict is "no feasible ratio";
#: below it the data cannot tell. Conventional.
SURE = 0.9

#: An interval of the ratio wider than this part of the axis is the status `not-identified`.
#: Conventional: two thirds of the 90% that a uniform guess would give.
NOT_IDENTIFIED = 0.6


@dataclass(frozen=True)
class Verdict:
    """The answer of one rule at one target.

    Attributes:
        feasible: True; False if the question has no answer; None if the data cannot tell.
        recommended: domain ratio that obeys the risk; None if there is none.
        estimate: the critical (or best) ratio of the point estimate; None if there is none.
        draws: the critical (or best) ratio of every draw, NaN where it has none, shape (n_draws,).
        at: ratio at which losses and rise are reported.
        warnings: what the rule has to say.
        details: further results of the rule, ready for JSON.
        near: ends of the ratios that are as good as the best within the noise, where the rule says
            so; they are part of the interval.
        regret: its own regret by draw, shape (n_draws,); None for the regret of a bound.
        path: the mixture, where the rule chose one of many corpora.
        shares: its shares by corpus with their intervals.
        n_params: model size that the rule chose, where it chooses one.
        tokens: budget that the rule chose, where it chooses one.
        promise: what the recommended ratio then keeps to, a sentence; empty if it bounds nothing.
    """

    feasible: bool | None
    recommended: float | None
    estimate: float | None
    draws: Array
    at: float
    warnings: tuple[Status, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    near: tuple[float, float] | None = None
    regret: Array | None = None
    path: MixturePath | None = None
    shares: Mapping[str, Mapping[str, float | None]] | None = None
    n_params: float | None = None
    tokens: float | None = None
    promise: str = ""

    def interval(self) -> tuple[float, float]:
        """Central interval of the ratio; a draw without an allowed ratio counts as 0.

        It is stretched to hold the point estimate, should the draws all lie on one side of it.
        """
        ends = [*ratio_interval(self.draws), *(self.near or ())]
        if self.estimate is not None:
            ends.append(self.estimate)
        return min(ends), max(ends)


def ratio_interval(draws: Array) -> tuple[float, float]:
    """Central interval of ratios by draw; NaN (no allowed ratio) counts as 0."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.nan_to_num(draws, nan=0.0), [tail, 1 - tail])
    return float(low), float(high)


def identified(draws: Array, what: str) -> tuple[bool | None, tuple[Status, ...]]:
    """True if the draws agree on a ratio; None, with the reason, if they are all over the axis."""
    low, high = ratio_interval(draws)
    if high - low < NOT_IDENTIFIED:
        return True, ()
    text = (
        f"Every share from {percent(low)} to {percent(high)} may be {what}; the data cannot tell "
        "them apart."
    )
    return None, (Status("not-identified", text),)


def undetermined(ratio: float, why: str) -> Verdict:
    """The verdict on a table that tells no ratio from another; losses are reported at this one."""
    warnings = (Status("not-identified", why),)
    return Verdict(None, None, None, np.repeat([0.0, 1.0], 50), ratio, warnings)


def number(value: float) -> float | None:
    """A plain number, or None for NaN."""
    return None if np.isnan(value) else float(value)
