"""Noise and weights: what replicates, standard errors and runs say about the rows of a fit."""

import numpy as np
from numpy.typing import NDArray

from mixlaw.fit.rows import Rows
from mixlaw.laws import Array

#: δ of the Huber loss on log residuals, at least: arXiv 2203.15556.
DELTA = 1e-3


def seed_std(rows: Rows) -> float:
    """Relative standard deviation between replicates: runs of equal size, tokens and mixture.

    Returns:
        The pooled standard deviation of log loss, or nan if no setting was repeated.
    """
    cell = cells(rows)
    count = np.bincount(cell)
    log_loss = np.log(rows.loss)
    mean = np.bincount(cell, log_loss) / count
    freedom = int(np.sum(count - 1))
    if freedom == 0:
        return float("nan")
    return float(np.sqrt(np.sum((log_loss - mean[cell]) ** 2) / freedom))


def delta(seed: float) -> float:
    """δ of the Huber loss for this relative seed noise (nan: not measured)."""
    return DELTA if np.isnan(seed) else max(DELTA, seed)


def cells(rows: Rows) -> NDArray[np.intp]:
    """Index of each row's setting: size, tokens and mixture, equal to six digits."""
    columns = [np.log(rows.x["N"]), np.log(rows.x["D"]), *rows.x.get("h", [])]
    keys = np.round(np.stack(columns), 6)
    return np.asarray(np.unique(keys, axis=1, return_inverse=True)[1].ravel())


def weights(rows: Rows, correlation: float, noise: float) -> Array:
    """Weights of the rows, at most one.

    A run with n checkpoints whose errors correlate counts as n / (1 + (n-1)·correlation) points; a
    row whose standard error adds to the common noise counts for its share of the inverse variance.

    Args:
        rows: the rows.
        correlation: of the errors within a trunk, in [0, 1].
        noise: relative noise that all rows share.
    """
    n = np.bincount(rows.trunk)[rows.trunk]
    independent = 1 / (1 + (n - 1) * correlation)
    relative = rows.loss_se / rows.loss
    precision = 1 / (noise**2 + relative**2) if noise > 0 or relative.all() else np.ones(len(rows))
    weight = independent * precision
    return np.asarray(weight / weight.max())
