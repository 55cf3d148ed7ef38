"""Resampled sweeps: every trunk receives the whole residual path of a trunk drawn at random.

Checkpoints of one run are not independent, so what is resampled is the run: its path of log
residuals is kept together, and its sign is drawn, which centres it. Every size and every mixture
stays in every draw, and a setting with a single run still varies, which resampling the rows of a
cell could not achieve. What the fit has absorbed is given back: the level of the paths and their
inner variation are scaled to unbiased estimates of their variances (the law's own leverage taken
into account), and each draw is spread by a χ² factor with the degrees of freedom that the runs
leave, so that few runs give the longer tails of Student's t. Where no noise between runs is found,
the noise is that of all rows, and so are its degrees of freedom.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from mixlaw.laws import Array

#: Relative noise assumed where a sweep leaves no freedom to see any: seeds at ordinary sizes.
ASSUMED_NOISE = 4e-3
#: Fewer degrees of freedom than this tell nothing about the size of the noise.
LEAST_FREEDOM = 1.0
#: With more trunks, what each of them loses to the fit is the same small part.
MANY_TRUNKS = 1_000


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


@dataclass(frozen=True)
class Noise:
    """Variance of log residuals, split by trunk.

    Attributes:
        between: standard deviation of what a whole trunk shares.
        within: standard deviation of single rows around it.
        freedom: degrees of freedom of the estimate between trunks.
        rows_left: degrees of freedom of all rows together: rows less parameters.
        assumed: whether the rows left no freedom, so that the noise is an assumption.
    """

    between: float
    within: float
    freedom: float
    rows_left: float = np.inf
    assumed: bool = False

    @property
    def known_by(self) -> float:
        """Degrees of freedom that the noise is known by.

        Without noise between trunks all rows tell of it. The freedom of the trunks alone, which is
        about 2 for six runs of one size, made intervals that covered 95% where runs shared half of
        their variance and 99.6% where they shared none; with this they cover 91% and 94%.
        """
        return self.freedom if self.between > 0 else self.rows_left

    @property
    def correlation(self) -> float:
        """Of two rows of one trunk."""
        total = self.between**2 + self.within**2
        return self.between**2 / total if total > 0 else 0.0


def pooled(noises: Sequence[Noise]) -> Noise:
    """The noise of several fits whose runs are equally noisy, weighted by degrees of freedom.

    Fits that had to assume theirs say nothing about it.
    """
    measured = [noise for noise in noises if not noise.assumed]
    if not measured:
        return noises[0]
    freedom = np.array([noise.freedom for noise in measured])
    rows_left = sum(noise.rows_left for noise in measured)
    variances = np.array([(noise.between**2, noise.within**2) for noise in measured])
    between, within = np.sqrt(freedom @ variances / freedom.sum())
    return Noise(float(between), float(within), float(freedom.sum()), rows_left)


def estimate_noise(
    residual: Array, jacobian: Array, weight: Array, trunk: NDArray[np.intp]
) -> Noise:
    """Unbiased variances between and within trunks, given what the fit has absorbed.

    With residuals M·ε and errors ε = trunk effect + row effect, the sums of squares between and
    within trunks have expectations linear in the two variances; these are solved for them.

    Args:
        residual: log residuals at the optimum, shape (n,).
        jacobian: derivatives of log L̂ by the free parameters, shape (P, n).
        weight: weights of the fit, shape (n,).
        trunk: trunk of each row, shape (n,).
    """
    names, trunk = np.unique(trunk, return_inverse=True)
    absorb = Absorbed.of if len(names) <= MANY_TRUNKS else Absorbed.of_many
    # Unit columns: the noise does not depend on the units of the parameters, nor may its rank.
    norm = np.linalg.norm(jacobian, axis=1, keepdims=True)
    unit = jacobian[norm[:, 0] > 0] / norm[norm[:, 0] > 0]
    absorbed = absorb(unit if len(unit) else np.zeros((1, len(residual))), weight, trunk)
    level = np.bincount(trunk, residual) / np.sqrt(np.bincount(trunk))
    sums = np.array([np.sum(level**2), np.sum(residual**2)])
    between, within = _solve_variances(sums, absorbed.share, len(names) == len(residual))
    freedom = absorbed.freedom(between, within)
    if absorbed.rows_left < LEAST_FREEDOM or freedom < LEAST_FREEDOM:
        return Noise(ASSUMED_NOISE, 0.0, np.inf, assumed=True)
    return Noise(float(np.sqrt(between)), float(np.sqrt(within)), freedom, absorbed.rows_left)


@dataclass(frozen=True)
class Absorbed:
    """What a fit of P parameters leaves of the noise: moments of residuals (I - A·H)·ε.

    A is the Jacobian (n, P) and H the fit's map from log losses to parameters (P, n); everything
    is computed through P x P and T x T products, T the number of trunks.

    Attributes:
        share: expected sums of squares [between trunks, total] per unit of variance
            [between, within], shape (2, 2).
        level_between: covariance of the trunks' levels per unit of variance between, (T, T), or
            its diagonal (T,).
        level_within: the same per unit of variance within.
        rows_left: rows less parameters.
    """

    share: Array
    level_between: Array
    level_within: Array
    rows_left: float

    @classmethod
    def of(cls, jacobian: Array, weight: Array, trunk: NDArray[np.intp]) -> "Absorbed":
        """From the Jacobian of log L̂ (P, n), the weights (n,) and trunks numbered from 0 (n,)."""
        size = np.bincount(trunk).astype(float)
        fit = np.linalg.pinv((jacobian * np.sqrt(weight)).T) * np.sqrt(weight)
        gram, cover = jacobian @ jacobian.T, fit @ fit.T
        sum_a, sum_f = trunk_sums(jacobian, trunk), trunk_sums(fit, trunk)
        unit_a, unit_f = sum_a / np.sqrt(size), sum_f / np.sqrt(size)
        # Levels are sqrt(size) x mean residual, so that their squares sum to the sum between.
        level = np.diag(np.sqrt(size)) - unit_a.T @ sum_f
        cross = unit_a.T @ unit_f
        within = np.eye(len(size)) - cross - cross.T + unit_a.T @ cover @ unit_a
        total_between = np.sum(size) - 2 * np.sum(sum_a * sum_f) + np.sum((gram @ sum_f) * sum_f)
        total_within = len(trunk) - 2 * np.sum(fit * jacobian) + np.sum(gram * cover)
        share = np.array(
            [[np.sum(level**2), np.trace(within)], [total_between, total_within]], dtype=float
        )
        return cls(share, level @ level.T, within, len(trunk) - float(np.linalg.matrix_rank(fit)))

    @classmethod
    def of_many(cls, jacobian: Array, weight: Array, trunk: NDArray[np.intp]) -> "Absorbed":
        """As ``of`` for many trunks: each loses the same part of its noise."""
        size = np.bincount(trunk).astype(float)
        left = 1 - np.linalg.matrix_rank(jacobian) / len(size)
        between, within = left * size, np.full(len(size), left)
        share = np.array([[between.sum(), within.sum()], [between.sum(), left * len(trunk)]])
        return cls(share, between, within, left * len(size))

    def freedom(self, between: float, within: float) -> float:
        """Satterthwaite's degrees of freedom of the trunks' levels at these variances."""
        spread = between * self.level_between + within * self.level_within
        total = float(np.trace(spread) if spread.ndim == 2 else spread.sum())
        size = float(np.sum(spread**2))
        return total**2 / size if size > 0 else 0.0


def trunk_sums(columns: NDArray[np.floating], trunk: NDArray[np.intp]) -> Array:
    """Sums over the rows of each trunk: (P, n) -> (P, T)."""
    return np.array([np.bincount(trunk, column) for column in columns], dtype=float)


def _solve_variances(sums: Array, share: Array, one_row_each: bool) -> tuple[float, float]:
    """(between, within) variance from sums of squares (between, total); neither is negative."""
    alone = float(sums[1] / share[1, 1]) if share[1, 1] > 1e-9 else 0.0
    if one_row_each or abs(np.linalg.det(share)) < 1e-9 * np.prod(np.abs(share).max(axis=1)):
        return 0.0, alone
    between, within = np.linalg.solve(share, sums)
    if between < 0:
        return 0.0, alone
    if within < 0:
        # Rows that the fit absorbs whole leave nothing to divide by.
        return float(sums[1] / share[1, 0]) if share[1, 0] > 1e-9 else alone, 0.0
    return float(between), float(within)


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
