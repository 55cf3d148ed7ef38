"""Rows of a full grid as a solver gets them, without a table."""

import numpy as np

from mixlaw.fit.selection import Rows


def grid(sizes=(7e7, 1.6e8, 4.1e8, 1e9), ratios=(0.05, 0.2, 0.4, 0.6, 0.8, 0.95), budgets=None):
    """Inputs of every law on a full grid; one trunk per size and mixture."""
    budgets = np.geomspace(1e8, 1.6e10, 7) if budgets is None else np.asarray(budgets)
    N, r, D = (a.ravel() for a in np.meshgrid(sizes, ratios, budgets, indexing="ij"))
    trunk = np.repeat(np.arange(len(sizes) * len(ratios)), len(budgets))
    # Other mixtures of web and books at every size: laws of all shares need more than six.
    web = (1 - r) * (0.2 + 0.3 * ((trunk + trunk // len(ratios)) % 3))
    x = {
        "N": N,
        "D": D,
        "r": r,
        "R": r,
        "h": np.stack([r, web, 1 - r - web]),
        "L0": 2.0 + 0.35 * (N / 1e9) ** -0.2,
        "U": np.where(N > 3e8, 5e8, np.inf),
    }
    return x, trunk


def rows_of(loss, x, trunk, loss_se=None):
    """Rows with these losses."""
    se = np.zeros(len(loss)) if loss_se is None else loss_se
    return Rows(x, np.asarray(loss, dtype=float), se, trunk)
