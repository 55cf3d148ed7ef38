"""Out of range: what an interval must allow for the law's own misfit, for every e-fold beyond.

The resampled draws know the noise of the sweep and nothing of the misfit, which grows with the
distance from the data. What a fit without the largest size (or the longest budgets) missed there
tells it, less what noise explains: every resampled sweep also gives what the forecast would have
missed if the law were true, along the few directions in which its parameters are uncertain.

A wrong law bends away from the data and keeps bending the same way, so a part of the misfit has a
sign, the *drift*; it is taken for real only where it exceeds its own standard error and where two
estimates agree. The rest is a *spread* of either sign. Both are per e-fold of distance. Published
ladders whose intervals lacked this did not cover.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.held_out import Forecast
from mixlaw.fit.selection import Rows
from mixlaw.laws import Array
from mixlaw.result.discrepancy import DRIFT, along

#: The split that shows the misfit in each direction.
SPLITS = {"n_params": "largest-size", "tokens": "longest-budget", "compute": "largest-compute"}
#: Resampled sweeps that give the errors of a true law: few, since every split is refitted to each.
N_DRAWS = 80
#: A drift is looked for where more was missed than a true law misses in this part of sweeps, ...
SUSPECT = 0.7
#: ... and a spread is what was missed beyond this quantile.
RARE = 0.9
#: Standard errors by which two estimates of a drift must differ to contradict each other.
APART = 2.5
#: Part by which correlations of held-out errors, known from few sweeps, are shrunk: conventional.
SHRINK = 0.1
#: Variance added to every held-out error, far below any noise: keeps the covariance solvable.
LEAST_VARIANCE = 1e-16


@dataclass(frozen=True)
class Missed:
    """Held-out rows beyond the range of the others.

    Attributes:
        error: log predicted - log measured, shape (n,).
        chance: the same if the law were true, by resampled sweep, shape (n_draws, n).
        distance: e-folds beyond the range, shape (n,).
    """

    error: Array
    chance: Array
    distance: Array


def learn(rows: Rows, forecasts: Mapping[str, Forecast]) -> dict[str, float]:
    """Misfit in log loss per e-fold beyond the range.

    Args:
        rows: the rows that the splits were made of.
        forecasts: of every split.

    Returns:
        The spread by direction, at least zero, and the drift by direction + ``.drift``: positive
        where the law predicts too high a loss.
    """
    learned = {}
    for name, split in SPLITS.items():
        missed = missed_beyond(name, rows, forecasts[split]) if split in forecasts else None
        if missed is not None:
            learned[name], learned[name + DRIFT] = spread(missed), drift(missed)
    return learned


def spread(missed: Missed) -> float:
    """What was missed in the mean square, less what is rare by chance and what has a sign."""
    mean_square = np.mean(missed.error**2) - np.quantile(np.mean(missed.chance**2, axis=1), RARE)
    scale = float(np.mean(missed.distance**2))
    signed = missed.error @ missed.distance / (missed.distance @ missed.distance)
    return float(np.sqrt(max(mean_square / scale - signed**2, 0.0)))


def drift(missed: Missed) -> float:
    """Slope of the errors in the distance, as far as it cannot be chance; zero if it can.

    Two estimates are compared: by least squares, and weighted by the covariance that the errors of
    a true law have, which is far more precise if the misfit is alike for all mixtures. The smaller
    counts, and none if they differ in sign. Where they contradict each other the misfit is not
    alike, and the first counts (J. A. Hausman, Econometrica 46, 1978, 1251).
    """
    total = np.mean(missed.chance**2, axis=1)
    if np.mean(missed.error**2) <= np.quantile(total, SUSPECT):
        return 0.0
    d = missed.distance
    plain, plain_error = _slope(missed, d)
    efficient = np.asarray(np.linalg.solve(_covariance(missed.chance), d), dtype=float)
    precise, precise_error = _slope(missed, efficient)
    surplus = max(plain_error**2 - precise_error**2, (0.3 * plain_error) ** 2)
    real, also = _beyond_error(plain, plain_error), _beyond_error(precise, precise_error)
    if abs(plain - precise) > APART * np.sqrt(surplus):
        return real
    return min(real, also, key=abs) if real * also > 0 else 0.0


def _slope(missed: Missed, weight: Array) -> tuple[float, float]:
    """A weighted slope through the origin, and half the central 68% of what chance makes it."""
    weight = weight / (weight @ missed.distance)
    low, high = np.quantile(missed.chance @ weight, [0.16, 0.84])
    return float(missed.error @ weight), float(high - low) / 2


def _beyond_error(slope: float, error: float) -> float:
    """The slope less its sampling error, in squares."""
    return float(np.copysign(np.sqrt(max(slope**2 - error**2, 0.0)), slope))


def _covariance(chance: Array) -> Array:
    """Covariance of the errors of a true law, its few wild draws clipped, shape (n, n)."""
    wide = 3 * np.quantile(np.abs(chance), 0.68, axis=0)
    clipped = np.clip(chance, -wide, wide)
    full = clipped.T @ clipped / len(clipped)
    return np.asarray((1 - SHRINK) * full + np.diag(SHRINK * np.diag(full) + LEAST_VARIANCE))


def missed_beyond(direction: str, rows: Rows, forecast: Forecast) -> Missed | None:
    """The held-out rows that lie beyond the range and have a forecast; None without any."""
    values = along(direction, rows.x)
    distance = np.log(values[forecast.mask] / values[~forecast.mask].max())
    usable = np.isfinite(forecast.predicted) & (forecast.predicted > 0) & (distance > 0)
    if not usable.any():
        return None
    chance = _chance(forecast, rows)[:, usable]
    chance = chance[np.isfinite(chance).all(axis=1)]
    if len(chance) < N_DRAWS // 2:
        # Nothing is known of chance where most refits leave the law's domain: all missed counts.
        chance = np.zeros((1, len(chance.T)))
    error = np.log(forecast.predicted[usable] / forecast.measured[usable])
    return Missed(error, chance, distance[usable])


def _chance(forecast: Forecast, rows: Rows) -> Array:
    """Errors of refits to resampled sweeps of a true law, nan where one leaves its domain.

    A held-out row has the noise of its trunk, which the refit saw if other rows of the trunk were
    known: its forecast errs less than one for another run. All laws of a stack see the same sweeps.
    """
    of_fits = (fit.n_trunks for _, fit in forecast.fits)
    plan = Plan.draw(N_DRAWS, max(int(rows.trunk.max()) + 1, *of_fits), seed=0)
    wanted, rng = rows.where(forecast.mask), np.random.default_rng(0)
    draws = np.sum([weight * fit.draws(plan, wanted.x) for weight, fit in forecast.fits], axis=0)
    noises = [part.noise for _, fit in forecast.fits for part in fit.parts]
    between = np.sqrt(np.mean([noise.between**2 for noise in noises]))
    within = np.sqrt(np.mean([noise.within**2 for noise in noises]))
    seen = forecast.fits[0][1].trunk_noise(plan)
    level = np.where(np.isfinite(seen), seen, between * rng.normal(size=seen.shape))
    noise = level[:, wanted.trunk] + within * rng.normal(size=draws.shape)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.asarray(np.log(draws / forecast.predicted) - noise)
