"""What a fit misses at its own rows, as a Gaussian process that predictions are conditioned on.

    log L = log L̂(θ) + δ(ln N, ln D, shares) + u(run) + e(row)

δ is a process of Matern 5/2 correlation over fixed lengths (``mixlaw.result.kriging``), u and e are
the noise of a run and of a row. Their three variances are the mode of the likelihood of the
residuals with a wide prior. With draws of the law from resampled sweeps in the place of its
posterior, every draw is conditioned on the residuals that this very draw leaves.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from mixlaw.fit.selection import Rows, Selection
from mixlaw.laws import Array
from mixlaw.result.fit_result import FitResult
from mixlaw.result.kriging import Kriging, correlation, positions, prior_samples
from mixlaw.result.predict import predict_at

#: Rows that a process is conditioned on at most. Conventional: the cost grows with their cube, and
#: the file with their number times that of the draws.
MOST_ROWS = 400
#: Random features of a prior sample. Conventional: variances of samples are then right to 6%.
N_FEATURES = 256
#: Standard deviation of the prior of every log standard deviation, around those of the residuals:
#: so wide that only data without any noise, or of one run each, feel it. Conventional.
PRIOR_SPREAD = 2.0
#: Noise of run and of row is expected at this part of the residuals. Conventional.
PRIOR_NOISE = 1 / 3
#: Part of the variance that is added to it: keeps matrices of noiseless tables solvable.
JITTER = 1e-9
#: Relative standard deviation of base losses about their law between two measured sizes, at least.
#: Conventional.
BASE_MISFIT = 1e-3


def conditioned(fit: FitResult, selection: Selection, seed: int) -> FitResult:
    """The fit with the processes that take its predictions through the measured losses.

    Args:
        fit: the laws, without processes.
        selection: the rows and base rows that they were fitted to.
        seed: of the random features and of the noise of the draws.
    """
    bases = {
        name: through_bases(fit, name, rows, seed)
        for name, rows in selection.base.items()
        if fit.base_stack.get(name)
    }
    fit = replace(fit, base_kriging=bases)
    processes = {
        name: process
        for name, rows in selection.rows.items()
        if (process := learn(fit, name, rows, seed)) is not None
    }
    return replace(fit, kriging=processes)


def learn(fit: FitResult, eval_set: str, rows: Rows, seed: int) -> Kriging | None:
    """The process of one eval set.

    Args:
        fit: predicts the rows; it has no process of this eval set yet.
        eval_set: whose rows they are.
        rows: that were fitted.
        seed: of the random features and of the noise of the draws.

    Returns:
        None where the estimate meets every row exactly.
    """
    rows = rows.where(_spread_out(positions(rows.x), MOST_ROWS))
    predicted = predict_at(fit, eval_set, rows.x, law=None, carry_size=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = np.log(rows.loss) - np.log(predicted.estimate)
        drawn = np.log(rows.loss) - np.log(predicted.draws)
    usable = np.isfinite(residual) & np.isfinite(drawn).all(axis=0)
    if usable.sum() < 2 or not residual[usable].any():
        return None
    at, trunk = positions(rows.x)[:, usable], rows.trunk[usable]
    same_trunk = np.equal.outer(trunk, trunk).astype(float)
    shapes = [correlation(at, at), same_trunk, np.eye(len(trunk))]
    variances = variance_components(residual[usable], shapes)
    between, within = np.sqrt(variances[1:])
    rng = np.random.default_rng(seed)
    noise = between * rng.normal(size=(len(drawn), trunk.max() + 1))[:, trunk]
    noise += within * rng.normal(size=noise.shape)
    prior = _unconditioned(at, float(variances[0]), len(drawn), rng)
    covariance = _covariance(variances, shapes)
    return _through(prior, residual[usable], drawn[:, usable] - noise, covariance)


def through_bases(fit: FitResult, eval_set: str, rows: Rows, seed: int) -> Kriging:
    """The process of the base losses: through the mean of the bases of every size, without noise.

    A run starts from the very base that it is compared with, and both are measured on the same
    held-out windows, so what is called noise of a base loss is in the losses after CPT as well.
    """
    size, index = np.unique(rows.x["N"], return_inverse=True)
    loss = np.bincount(index, rows.loss) / np.bincount(index)
    predicted = fit.base(eval_set, size, carry_size=True)
    residual, drawn = np.log(loss / predicted.estimate), np.log(loss / predicted.draws)
    at = positions({"N": size, "D": np.ones_like(size)})
    variance = float(np.mean(residual**2) + BASE_MISFIT**2)
    prior = _unconditioned(at, variance, len(drawn), np.random.default_rng(seed))
    covariance = _covariance([variance], [correlation(at, at)])
    return _through(prior, residual, drawn, covariance)


def variance_components(residual: Array, shapes: Sequence[Array]) -> Array:
    """Variances (k,) of independent parts with these correlation matrices (n, n).

    The mode of the likelihood of the residuals (n,), in which the log standard deviation of every
    part has a wide normal prior: of the first around that of the residuals, of the others, which
    are noise, around a third of it.
    """
    scale = float(np.sqrt(np.mean(residual**2)))
    middle = np.log(scale * np.append(1.0, np.full(len(shapes) - 1, PRIOR_NOISE)))

    def negative_log_posterior(log_std: Array) -> tuple[float, Array]:
        variances = np.exp(2 * log_std)
        covariance = _covariance(variances, shapes)
        inverse = np.linalg.inv(covariance)
        solved = inverse @ residual
        away = (log_std - middle) / PRIOR_SPREAD
        value = 0.5 * (residual @ solved + np.linalg.slogdet(covariance)[1] + away @ away)
        slope = [np.sum(inverse * shape) - solved @ shape @ solved for shape in shapes]
        return float(value), variances * np.array(slope) + away / PRIOR_SPREAD

    mode = minimize(negative_log_posterior, middle, jac=True, method="L-BFGS-B")
    return np.asarray(np.exp(2 * mode.x))


def _covariance(variances: Sequence[float] | Array, shapes: Sequence[Array]) -> Array:
    total = np.sum([v * shape for v, shape in zip(variances, shapes, strict=True)], axis=0)
    return np.asarray(total + JITTER * np.mean(np.diag(total)) * np.eye(len(total)))


def _unconditioned(at: Array, variance: float, n_draws: int, rng: np.random.Generator) -> Kriging:
    """A process at positions (p, n), conditioned on nothing yet, with prior samples as draws.

    The spectral density of the Matern correlation with smoothness 5/2 is Student's t with five
    degrees of freedom.
    """
    normal = rng.normal(size=(len(at), N_FEATURES))
    return Kriging(
        positions=at,
        variance=variance,
        estimate=np.zeros(at.shape[1]),
        draws=np.zeros((n_draws, at.shape[1])),
        frequencies=_single(normal * np.sqrt(5 / rng.chisquare(5, N_FEATURES))),
        phases=_single(rng.uniform(0, 2 * np.pi, N_FEATURES)),
        weights=_single(rng.normal(size=(n_draws, N_FEATURES))),
    )


def _through(prior: Kriging, residual: Array, drawn: Array, covariance: Array) -> Kriging:
    """The process conditioned on residuals (n,), and its draws on theirs (n_draws, n).

    Matheron's rule: a prior sample, corrected by what kriging makes of its own residuals.
    """
    inverse = np.linalg.inv(covariance)
    apart = drawn - prior_samples(prior, prior.positions)
    return replace(prior, estimate=inverse @ residual, draws=_single(apart @ inverse))


def _single(values: Array) -> Array:
    """Values as they are saved: a fit that was loaded predicts what it did before."""
    return values.astype(np.float32).astype(float)


def _spread_out(at: Array, most: int) -> NDArray[np.bool_]:
    """Mask (n,) of the rows at positions (p, n) to keep, at most ``most``.

    Each is the farthest from those that were kept before it.
    """
    n = at.shape[1]
    if n <= most:
        return np.ones(n, dtype=bool)
    kept, last = np.zeros(n, dtype=bool), 0
    distance = np.full(n, np.inf)
    for _ in range(most):
        kept[last] = True
        distance = np.minimum(distance, np.sum((at - at[:, last, None]) ** 2, axis=0))
        last = int(np.argmax(distance))
    return kept
