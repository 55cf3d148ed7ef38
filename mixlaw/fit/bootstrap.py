"""Resampled sweeps: every trunk receives the whole residual path of a trunk drawn at random.

Checkpoints of one run are not independent, so what is resampled is the run: its path of log
residuals is kept together, and its sign is drawn, which centres it. Every size and every mixture
stays in every draw, and a setting with a single run still varies, which resampling the rows of a
cell could not achieve. What the fit has absorbed is given back: the level of the paths and their
inner variation are scaled to unbiased estimates of their variances (the law's own leverage taken
into account), and each draw is spread by a χ² factor with the degrees of freedom that the runs
leave, so that few runs give the longer tails of Student's t. Where there is no noise between runs,
the noise is that of all rows, and so are its degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from mixlaw.fit.noise import Noise
from mixlaw.laws import Array


@dataclass(frozen=True)
class Plan:
    """Draws of a resampled sweep, the same for every eval set and law.

    Attributes:
        donor: trunk whose residuals each trunk receives, shape (n_draws, n_trunks).
        sign: of the received path, ±1, shape (n_draws, n_trunks).
        level: uniform number that sets the overall spread of a draw, shape (n_draws,).
    """

    donor: NDArray[np.intp]
    sign: Array
    level: Array

    @classmethod
    def draw(cls, n_draws: int, n_trunks: int, seed: int) -> "Plan":
        """The plan of this seed."""
        rng = np.random.default_rng(seed)
        return cls(
            rng.integers(0, n_trunks, (n_draws, n_trunks)),
            rng.choice([-1.0, 1.0], (n_draws, n_trunks)),
            rng.permutation((np.arange(n_draws) + 0.5) / max(n_draws, 1)),
        )


def noise_draws(plan: Plan, residual: Array, trunk: NDArray[np.intp], noise: Noise) -> Array:
    """Log noise of every draw, shape (n_draws, n): whole residual paths, moved between trunks.

    Args:
        plan: which trunk receives which path.
        residual: log residuals at the optimum, shape (n,), in units of each row's own noise.
        trunk: trunk of each row, shape (n,), numbered as in the plan.
        noise: variances that the moved paths must have.
    """
    order = np.argsort(trunk, kind="stable")
    present, first = np.unique(trunk[order], return_index=True)
    paths = dict(zip(present.tolist(), np.split(order, first[1:]), strict=True))
    level = {t: residual[rows].mean() for t, rows in paths.items()}
    shape = {t: residual[rows] - level[t] for t, rows in paths.items()}
    level_gain, shape_gain = _gains(paths, level, shape, noise)
    if level_gain == 0 and noise.assumed:
        return plan.sign[:, trunk] * noise.between
    out = np.empty((len(plan.level), len(residual)))
    names = np.array(sorted(paths))
    # Donors that have no rows here, such as runs of another size, are shared out among those that
    # have: handing over to the next one that has would draw its path over and over.
    here = np.isin(plan.donor, names)
    donor = np.where(here, np.searchsorted(names, plan.donor), plan.donor % len(names))
    for length in sorted({len(rows) for rows in paths.values()}):
        moved = np.stack(
            [level_gain * level[t] + shape_gain * _stretch(shape[t], length) for t in names]
        )
        receivers = [t for t in names if len(paths[t]) == length]
        rows = np.stack([paths[t] for t in receivers])
        sign = plan.sign[:, receivers][:, :, None]
        out[:, rows] = sign * moved[donor[:, receivers]]
    return out * _student(plan.level, noise.known_by)[:, None]


def _gains(
    paths: dict[int, NDArray[np.intp]],
    level: dict[int, float],
    shape: dict[int, Array],
    noise: Noise,
) -> tuple[float, float]:
    """Factors that give the paths' levels, and what varies within them, their unbiased variances.

    Args:
        paths: row numbers by trunk.
        level: mean residual by trunk.
        shape: residuals less that mean, by trunk.
        noise: variances that the scaled paths must have.
    """
    size = np.array([len(paths[t]) for t in paths], dtype=float)
    levels = float(np.sum(size * np.array([level[t] for t in paths]) ** 2))
    shapes = float(sum(np.sum(path**2) for path in shape.values()))
    want_levels = float(np.sum(size * noise.between**2 + noise.within**2))
    want_shapes = float(np.sum(size - 1)) * noise.within**2
    return (
        float(np.sqrt(want_levels / levels)) if levels > 0 and not noise.assumed else 0.0,
        float(np.sqrt(want_shapes / shapes)) if shapes > 0 and not noise.assumed else 0.0,
    )


def _stretch(path: Array, n: int) -> Array:
    """A path of any length carried over to n checkpoints, by rank."""
    if len(path) == n:
        return path
    return np.asarray(path[np.round(np.linspace(0, len(path) - 1, n)).astype(int)])


def _student(uniform: Array, freedom: float) -> Array:
    """sqrt(ν/χ²_ν) at these quantiles: turns a normal spread into Student's t with ν."""
    if np.isinf(freedom):
        return np.ones_like(uniform)
    freedom = max(freedom, 2.0)
    return np.asarray(np.sqrt(freedom / (2 * gammaincinv(freedom / 2, uniform))))
