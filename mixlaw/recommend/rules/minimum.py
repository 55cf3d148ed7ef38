"""The ratio with the lowest loss: of the point estimate, of every draw, and the one to take.

Shared by the rules that minimise. The best ratio of a draw is refined by a parabola through three
points of the axis; an end of the axis is a legitimate best. The ratio to *take* has the least mean
regret, that is, loss above each draw's own minimum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixlaw.quantities import percent
from mixlaw.result.types import Prediction, Status

Array = NDArray[np.float64]

#: From this width on, ratios whose loss equals the best within the noise are a warning.
#: Conventional: five points of the share.
_FLAT = 0.05


@dataclass(frozen=True)
class Optimum:
    """Minimum of an objective along an axis.

    Attributes:
        estimate: best point of the point estimate.
        draws: best point of every draw, shape (n_draws,).
        recommended: point of least mean regret.
        regret: objective above its minimum at ``recommended``, by draw, shape (n_draws,).
        near: ends of the stretch that is as good within the given noise: the loss above each
            draw's own minimum is, in the median draw, no larger.
    """

    estimate: float
    draws: Array
    recommended: float
    regret: Array
    near: tuple[float, float]


def minimum(axis: Array, objective: Prediction, noise: float) -> Optimum:
    """Minimise along an axis.

    Args:
        axis: increasing points, shape (n,).
        objective: its values, estimate (n,) and draws (n_draws, n).
        noise: how much above the minimum still counts as equal.
    """
    above = objective.draws - objective.draws.min(axis=1, keepdims=True)
    chosen = int(np.argmin(above.mean(axis=0)))
    return Optimum(
        float(argmin(axis, objective.estimate[None, :])[0]),
        argmin(axis, objective.draws),
        float(axis[chosen]),
        above[:, chosen],
        _near(axis, np.median(above, axis=0), noise),
    )


def at_edge(optimum: Optimum, swept: tuple[float, float]) -> tuple[Status, ...]:
    """The status of a minimum at an end of the swept ratios short of 0 or 1; empty if inside."""
    if not any(optimum.estimate == end and 0 < end < 1 for end in swept):
        return ()
    text = (
        f"The best share is the {'smallest' if optimum.estimate == swept[0] else 'largest'} that "
        f"was swept, {percent(optimum.estimate)}: sweep beyond it to see where the optimum lies."
    )
    return (Status("at-bound", text),)


def flat_optimum(near: tuple[float, float], noise: float) -> tuple[Status, ...]:
    """The status of an optimum so flat that its place means little; empty if it is sharp."""
    if near[1] - near[0] < _FLAT:
        return ()
    text = (
        f"The optimum is flat: every share from {percent(near[0])} to {percent(near[1])} is as "
        f"good within one residual standard deviation ({noise:.2g} nats)."
    )
    return (Status("flat-optimum", text),)


def argmin(axis: Array, values: Array) -> Array:
    """Place of the minimum of every row of values (n_rows, n), refined by a parabola."""
    best = np.argmin(values, axis=1)
    middle = np.clip(best, 1, len(axis) - 2)
    rows = np.arange(len(values))
    left, centre, right = (values[rows, middle + step] for step in (-1, 0, 1))
    bend = left - 2 * centre + right
    usable = np.isfinite(bend) & (bend > 0)
    shift = np.where(usable, 0.5 * (left - right) / np.where(usable, bend, 1.0), 0.0)
    inner = axis[middle] + np.clip(shift, -1, 1) * (axis[middle + 1] - axis[middle])
    return np.asarray(np.where(best == middle, inner, axis[best]))


def _near(axis: Array, above: Array, noise: float) -> tuple[float, float]:
    """The connected stretch around the minimum of this curve that lies within the noise of it."""
    best = int(np.argmin(above))
    most = above[best] + noise
    beyond = np.flatnonzero(above > most)
    left = beyond[beyond < best].max(initial=-1)
    right = beyond[beyond > best].min(initial=len(axis))
    return _level(axis, above, most, left, left + 1), _level(axis, above, most, right, right - 1)


def _level(axis: Array, above: Array, most: float, outside: int, inside: int) -> float:
    """Where a curve reaches a level between two neighbours; ``inside`` at an end of the axis."""
    if not 0 <= outside < len(axis) or not np.isfinite(above[outside]):
        return float(axis[inside])
    part = (most - above[inside]) / (above[outside] - above[inside])
    return float(axis[inside] + part * (axis[outside] - axis[inside]))
