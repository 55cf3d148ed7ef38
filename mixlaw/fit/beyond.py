"""Out of range: how much wider an interval must be for every e-fold beyond the sweep.

The resampled draws know the noise of the sweep and nothing of the law's own misfit, which grows
with the distance from the data. What a fit without the largest size (or the longest budgets) missed
there, beyond the noise of the rows and its own sampling error, is taken as the misfit of one such
step. It grows in proportion to the logarithm of the distance, and because one step tells its size
only roughly, it is spread like Student's t. Published ladders whose intervals lacked this did not
cover.
"""

from collections.abc import Mapping

import numpy as np

from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.holdout import Forecast
from mixlaw.fit.rows import Rows
from mixlaw.laws import Array, Inputs

#: The split that tells about each direction; ``compute`` is size x tokens.
SPLITS = {"n_params": "largest-size", "tokens": "longest-budget", "compute": "largest-compute"}
#: Resampled sweeps from which the sampling error of a forecast is read.
N_DRAWS = 40


def learn(rows: Rows, found: Mapping[str, Forecast], noise: float) -> dict[str, float]:
    """Scale of the misfit in log loss per e-fold beyond the range, by direction.

    Args:
        rows: the rows that the splits were made of.
        found: forecasts of every split.
        noise: relative noise of a single row.
    """
    return {
        name: _per_fold(along(name, rows.x), rows, found[split], noise)
        for name, split in SPLITS.items()
        if split in found and np.isfinite(found[split].predicted).any()
    }


def along(direction: str, x: Inputs) -> Array:
    """Position of every row in a direction, shape (n,)."""
    return {"n_params": x["N"], "tokens": x["D"], "compute": x["N"] * x["D"]}[direction]


def _per_fold(values: Array, rows: Rows, forecast: Forecast, noise: float) -> float:
    """Misfit of the held-out rows over their mean distance from the range of the others."""
    distance = np.log(values[forecast.mask] / values[~forecast.mask].max())
    usable = np.isfinite(forecast.predicted) & (forecast.predicted > 0) & (distance > 0)
    if not usable.any():
        return 0.0
    error = np.log(forecast.predicted[usable] / forecast.measured[usable])
    misfit = float(np.mean(error**2)) - noise**2
    if misfit > 0:
        misfit -= float(np.mean(sampling_std(forecast, rows)[usable] ** 2))
    return float(np.sqrt(max(misfit, 0.0) / np.mean(distance[usable] ** 2)))


def sampling_std(forecast: Forecast, rows: Rows) -> Array:
    """Relative standard error of a forecast, from refits to resampled sweeps, shape (n,).

    It is half the central 68% of the draws: the delta method takes a parameter at a bound for
    known, and a few draws may leave the law's domain. All laws of a stack see the same sweeps.
    """
    if not forecast.fits:
        return np.zeros(len(forecast.predicted))
    plan = Plan.draw(N_DRAWS, int(rows.trunk.max()) + 1, seed=0)
    wanted = rows.where(forecast.mask)
    draws = np.sum([weight * fit.draws(plan, wanted.x) for weight, fit in forecast.fits], axis=0)
    low, high = np.quantile(draws, [0.16, 0.84], axis=0)
    return np.asarray((high - low) / 2 / forecast.predicted)
