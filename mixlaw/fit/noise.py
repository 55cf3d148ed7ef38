"""Noise of the rows of a fit: replicates, variance components by run, and weights from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixlaw.fit.selection import Rows
from mixlaw.laws import Array, InputName

#: δ of the Huber loss on log residuals, at least: arXiv 2203.15556.
DELTA = 1e-3
#: Relative noise assumed where a sweep leaves no freedom to see any: seeds at ordinary sizes.
ASSUMED_NOISE = 4e-3
#: Degrees of freedom that an estimate of the noise needs.
LEAST_FREEDOM = 1.0
#: Inputs that say how a run was trained beyond its size, tokens and mixture.
TRAINING: tuple[InputName, ...] = ("U", "P", "lr")
#: With more trunks, each loses the same small part of its noise to the fit; the exact count takes
#: time by their square.
MANY_TRUNKS = 1_000


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


def delta(replicate_std: float) -> float:
    """δ of the Huber loss for this relative noise between replicates (nan: not measured)."""
    return DELTA if np.isnan(replicate_std) else max(DELTA, replicate_std)


def cells(rows: Rows) -> NDArray[np.intp]:
    """Index of each row's setting: size, tokens, mixture and training, equal to six digits."""
    tokens = np.maximum(rows.x["D"], 1.0)  # a base has none
    columns = [np.log(rows.x["N"]), np.log(tokens), *rows.x.get("h", []), *training(rows)]
    keys = np.round(np.stack(columns), 6)
    return np.asarray(np.unique(keys, axis=1, return_inverse=True)[1].ravel())


def training(rows: Rows) -> list[Array]:
    """What else tells the settings of rows apart, as logs: repeats, the base's tokens, the rate."""
    finite = [np.where(np.isfinite(rows.x[n]), rows.x[n], 1.0) for n in TRAINING if n in rows.x]
    return [np.log(values) for values in finite]


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
