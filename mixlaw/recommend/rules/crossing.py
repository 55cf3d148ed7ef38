"""Where curves last cross a bound, and which share keeps it with a stated probability.

Shared by the rules and by what stands beside an answer. Bounds are subtracted before: a curve is at
or below its bound where it is at most zero. A NaN or +inf value (a power law at share zero) is
above it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import NotIdentifiedError

Array = NDArray[np.float64]

#: Steps between two points of the axis when the probability of staying within the bound is sought:
#: the axis has 401 points, so a ratio is placed to 1e-4, a hundredth of what the screen shows.
_FINE = 41


def last_crossing(axis: Array, values: Array, *, above: bool) -> Array:
    """Where curves are last above zero, or last at or below it.

    Between two points of the axis a curve is linear; next to a value that is not finite it does not
    count as reaching across.

    Args:
        axis: increasing points, shape (n,).
        values: the curves, shape (..., n).
        above: seek the last place above zero; else the last at or below it.

    Returns:
        Places on the axis, shape (...): NaN where a curve never is on that side, and inf where it
        still is at the last point.
    """
    below = values <= 0
    sought = ~below if above else below
    n = values.shape[-1]
    last = n - 1 - np.argmax(sought[..., ::-1], axis=-1)
    here = np.minimum(last, n - 2)[..., None]
    start = np.take_along_axis(values, here, -1)[..., 0]
    end = np.take_along_axis(values, here + 1, -1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.nan_to_num(start / (start - end), nan=0.0, posinf=0.0, neginf=0.0)
    here = here[..., 0]
    place = axis[here] + part * (axis[here + 1] - axis[here])
    place = np.where(last == n - 1, np.inf, place)
    return np.asarray(np.where(sought.any(axis=-1), place, np.nan))


def critical_ratios(ratios: Array, excess: Array) -> Array:
    """Largest ratio at which a quantity keeps its bound.

    Args:
        ratios: the ratio axis, shape (n_ratios,).
        excess: quantity minus bound, shape (n_draws, n_ratios).

    Returns:
        Critical ratios, shape (n_draws,); NaN where no ratio keeps the bound.
    """
    return np.asarray(np.minimum(last_crossing(ratios, excess, above=False), ratios[-1]))


def probability_exceeded(excess: Array) -> Array:
    """Share of the draws that break the bound at every ratio, shape (n_ratios,)."""
    broken: Array = np.mean(~(excess <= 0), axis=0)
    return broken


def ratio_at_risk(ratios: Array, excess: Array, risk: float) -> float:
    """Largest ratio whose bound at most a share ``risk`` of the draws breaks; NaN if none."""
    kept = np.flatnonzero(probability_exceeded(excess) <= risk)
    if not len(kept):
        return float("nan")
    last = kept[-1]
    if last == len(ratios) - 1:
        return float(ratios[-1])
    steps = np.linspace(0.0, 1.0, _FINE)
    with np.errstate(invalid="ignore"):
        between = np.outer(excess[:, last], 1 - steps) + np.outer(excess[:, last + 1], steps)
    between[:, 0] = excess[:, last]
    step = steps[np.flatnonzero(probability_exceeded(between) <= risk)[-1]]
    return float(ratios[last] + step * (ratios[last + 1] - ratios[last]))


def interpolate(ratios: Array, loss: Array, where: Array) -> Array:
    """Loss of draw k at ratio ``where[k]``, linear between the points of the axis."""
    right = np.clip(np.searchsorted(ratios, where), 1, len(ratios) - 1)
    rows = np.arange(len(where))
    weight = (where - ratios[right - 1]) / (ratios[right] - ratios[right - 1])
    left_loss, right_loss = loss[rows, right - 1], loss[rows, right]
    with np.errstate(invalid="ignore"):
        between = left_loss + weight * (right_loss - left_loss)
    return np.where(weight >= 1, right_loss, between)


#: Sizes from which a critical ratio may be carried to another size: with two, no line is tested.
MIN_SIZES = 3


def turning_point(T: Array, slope: Array) -> Array:
    """Where a loss turns down for good: the last change of its slope from + to -.

    For a finite λ give the slope of ΔL_dom + λ·ΔL_gen, for λ → ∞ that of ΔL_gen. The first change
    from - to + is no turning point: with small λ the sum falls from the start.

    Args:
        T: tokens, increasing, shape (n,).
        slope: d loss/d ln T at them, shape (..., n).

    Returns:
        T₀ of shape (...), interpolated in ln T; 0 where the loss never rises, inf where it still
        rises at the last T.
    """
    turn = last_crossing(np.log(T), slope, above=True)
    return np.asarray(np.where(np.isnan(turn), 0.0, np.exp(turn)))


def carry_ratio(n_params: Array, ratios: Array, target: float) -> dict[str, Array]:
    """Critical ratios per size carried to another size, by several laws in ln N.

    The paper gives no law across sizes and warns of predicting a large model from small ones; the
    spread between these three laws is part of the answer.

    Args:
        n_params: sizes, shape (n_sizes,), at least three distinct ones.
        ratios: their critical ratios in [0, 1], shape (..., n_sizes), for example one row a draw.
        target: the size asked for.

    Returns:
        Ratios of shape (...) by law: ``linear`` and ``logistic`` in ln N (least squares), clipped
        to [0, 1], and ``largest``, that of the largest size.

    Raises:
        NotIdentifiedError: fewer than three sizes.
    """
    if len(np.unique(n_params)) < MIN_SIZES:
        raise NotIdentifiedError(
            f"The critical ratio of {len(np.unique(n_params))} size(s) says nothing about a model "
            f"of {target:.3g} parameters; sweep at least {MIN_SIZES} sizes or use law 'hump'."
        )
    position = np.log(n_params) - np.log(n_params).mean()
    aim = math.log(target) - np.log(n_params).mean()
    inside = np.clip(ratios, 1e-3, 1 - 1e-3)
    odds = _line(position, np.log(inside / (1 - inside)), aim)
    return {
        "linear": np.clip(_line(position, ratios, aim), 0.0, 1.0),
        "logistic": 0.5 * (1 + np.tanh(0.5 * odds)),
        "largest": np.asarray(ratios[..., np.argmax(n_params)]),
    }


def _line(position: Array, values: Array, aim: float) -> Array:
    """Least-squares line through values at centred positions, at ``aim``."""
    slope = (values * position).sum(-1) / (position**2).sum()
    return np.asarray(values.mean(-1) + slope * aim)
