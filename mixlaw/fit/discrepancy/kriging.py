"""What a fit misses at its own rows, as a Gaussian process that predictions are conditioned on.

    log L = log L̂(θ) + δ(ln N, ln D, shares) + u(run) + e(row)

δ is a process of Matern 5/2 correlation over fixed lengths (``mixlaw.result.kriging``), u and e are
the noise of a run and of a row. Their three variances are the maximum of the likelihood of the
residuals with a wide prior. With draws of the law from resampled sweeps in the place of its
posterior, every draw is conditioned on the residuals that this very draw leaves.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixlaw.laws import Array, Inputs
from mixlaw.result.kriging import Kriging, correlation, positions, prior_samples

#: Rows that a process is conditioned on at most: the cost grows with their cube, and the
#: file with their number times that of the draws.
MOST_ROWS = 400
#: Random features of a prior sample: variances of single samples are then right to 6%.
N_FEATURES = 256
#: Standard deviation of the prior of every log standard deviation, around those of the residuals:
#: so wide that only data without any noise, or of one run each, feel it.
PRIOR_SPREAD = 2.0
#: Noise of run and of row is expected at this part of the residuals.
PRIOR_NOISE = 1 / 3
#: Variance that is always added: keeps matrices of noiseless tables solvable.
LEAST_VARIANCE = 1e-14


def learn(
    x: Inputs, residual: Array, drawn: Array, trunk: NDArray[np.intp], seed: int
) -> Kriging | None:
    """The process of one eval set.

    Args:
        x: inputs of the rows that were fitted.
        residual: log measured - log predicted by the estimate, shape (n,).
        drawn: the same of every draw of the law, shape (n_draws, n).
        trunk: trunk of each row, shape (n,).
        seed: of the random features and of the noise of the draws.

    Returns:
        None where no draw is finite, or where the estimate meets every row exactly.
    """
    usable = np.isfinite(residual) & np.isfinite(drawn).all(axis=0)
    if usable.sum() < 2 or np.ptp(residual[usable]) == 0:
        return None
    at = positions(x)[:, usable]
    rows = _spread_out(at, MOST_ROWS)
    at, trunk = at[:, rows], trunk[usable][rows]
    residual, drawn = residual[usable][rows], drawn[:, usable][:, rows]
    shapes = [correlation(at, at), np.equal.outer(trunk, trunk).astype(float), np.eye(len(rows))]
    variances = variance_components(residual, shapes)
    inverse = np.asarray(np.linalg.inv(_covariance(variances, shapes)), dtype=float)
    rng = np.random.default_rng(seed)
    process = Kriging(
        positions=at,
        variance=float(variances[0]),
        estimate=inverse @ residual,
        draws=np.empty(0),
        frequencies=_frequencies(rng, len(at)),
        phases=rng.uniform(0, 2 * np.pi, N_FEATURES),
        weights=rng.normal(size=(len(drawn), N_FEATURES)),
    )
    return _conditioned(process, drawn, trunk, variances, inverse, rng)


def variance_components(residual: Array, shapes: Sequence[Array]) -> Array:
    """Variances (k,) of independent parts with these correlation matrices (n, n).

    The mode of the likelihood of the residuals (n,), in which the log standard deviation of every
    part has a wide normal prior: of the first around that of the residuals, of the others, which
    are noise, around a third of it.
    """
    from scipy.optimize import minimize

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

    found = minimize(negative_log_posterior, middle, jac=True, method="L-BFGS-B")
    return np.asarray(np.exp(2 * found.x))


def _covariance(variances: Array, shapes: Sequence[Array]) -> Array:
    total = np.sum([v * shape for v, shape in zip(variances, shapes, strict=True)], axis=0)
    return np.asarray(total + LEAST_VARIANCE * np.eye(len(total)))


def _frequencies(rng: np.random.Generator, n_inputs: int) -> Array:
    """Frequencies (p, m) of the random features: Student's t with 5 degrees of freedom.

    That is the spectral density of the Matern correlation with smoothness 5/2.
    """
    normal = rng.normal(size=(n_inputs, N_FEATURES))
    return np.asarray(normal * np.sqrt(5 / rng.chisquare(5, N_FEATURES)))


def _conditioned(
    prior: Kriging,
    drawn: Array,
    trunk: NDArray[np.intp],
    variances: Array,
    inverse: Array,
    rng: np.random.Generator,
) -> Kriging:
    """The process with the draws' coefficients: Matheron's rule."""
    between, within = np.sqrt(variances[1:])
    of_trunk = rng.normal(size=(len(drawn), trunk.max() + 1))[:, trunk]
    noise = between * of_trunk + within * rng.normal(size=drawn.shape)
    apart = drawn - prior_samples(prior, prior.positions) - noise
    return replace(prior, draws=(apart @ inverse).astype(np.float32).astype(float))


def _spread_out(at: Array, most: int) -> NDArray[np.intp]:
    """Rows to keep: all, or as many as allowed, each as far as can be from those before it."""
    n = at.shape[1]
    if n <= most:
        return np.arange(n)
    kept = np.zeros(most, dtype=np.intp)
    distance = np.full(n, np.inf)
    for i in range(1, most):
        last = at[:, kept[i - 1], None]
        distance = np.minimum(distance, np.sum((at - last) ** 2, axis=0))
        kept[i] = int(np.argmax(distance))
    return np.sort(kept)
