"""Variances of the independent parts that residuals are the sum of, and how well they are known."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.special import ndtri
from scipy.stats import qmc

from mixlaw.laws import Array

#: Standard deviation of the prior of every log standard deviation, around those of the residuals:
#: so wide that only data without any noise, or of one run each, feel it. Conventional.
PRIOR_SPREAD = 2.0
#: Noise is expected at this part of the residuals. Conventional.
PRIOR_NOISE = 1 / 3
#: Part of the variance that is added to it: keeps matrices of noiseless tables solvable.
JITTER = 1e-9
#: Points that the posterior is sampled at, for each that is kept. Conventional.
OVERSAMPLED = 4
#: Step of the central difference of the gradient, in log standard deviation.
_STEP = 1e-3


def variance_components(
    residual: Array, shapes: Sequence[Array], n_samples: int, seed: int
) -> Array:
    """Equally probable variances (n_samples, k) of parts with these correlations (n, n).

    Their posterior, from the likelihood of the residuals (n,) and a wide normal prior of every log
    standard deviation: of the first part around that of the residuals, of the others, which are
    noise, around a third of it. Points of the normal distribution about its mode are weighted by
    it and resampled (sampling importance resampling: Rubin 1987, doi 10.1080/01621459.1987.10478461
    ), systematically.
    """
    scale = float(np.sqrt(np.mean(residual**2)))
    middle = np.log(scale * np.append(1.0, np.full(len(shapes) - 1, PRIOR_NOISE)))
    energy = _energy(residual, shapes, middle)
    mode = minimize(energy, middle, jac=True, method="L-BFGS-B").x
    steps = _STEP * np.eye(len(mode))
    curvature = np.array([energy(mode + s)[1] - energy(mode - s)[1] for s in steps]) / (2 * _STEP)
    size, axes = np.linalg.eigh((curvature + curvature.T) / 2)
    # No direction is known worse than by the prior, where the curvature at the mode is its own.
    root = axes / np.sqrt(np.maximum(size, PRIOR_SPREAD**-2))
    points = qmc.Sobol(len(mode), rng=seed).random_base2(_log2(OVERSAMPLED * n_samples))
    normal = ndtri(points)
    candidates = mode + normal @ root.T
    log_weight = 0.5 * np.sum(normal**2, axis=1)
    log_weight -= [energy(candidate)[0] for candidate in candidates]
    kept = _resampled(np.exp(log_weight - log_weight.max()), n_samples)
    return np.asarray(np.exp(2 * candidates[kept]))


def covariance_of(variances: Sequence[float] | Array, shapes: Sequence[Array]) -> Array:
    """Covariance (n, n) of the sum of independent parts."""
    total = np.sum([v * shape for v, shape in zip(variances, shapes, strict=True)], axis=0)
    return np.asarray(total + JITTER * np.mean(np.diag(total)) * np.eye(len(total)))


def _energy(
    residual: Array, shapes: Sequence[Array], middle: Array
) -> Callable[[Array], tuple[float, Array]]:
    """The negative log posterior of log standard deviations, and its gradient."""

    def energy(log_std: Array) -> tuple[float, Array]:
        variances = np.exp(2 * log_std)
        factor = cho_factor(covariance_of(variances, shapes), lower=True)
        inverse = cho_solve(factor, np.eye(len(residual)))
        solved = inverse @ residual
        away = (log_std - middle) / PRIOR_SPREAD
        log_determinant = 2 * np.sum(np.log(np.diag(factor[0])))
        value = 0.5 * (residual @ solved + log_determinant + away @ away)
        slope = [np.sum(inverse * shape) - solved @ shape @ solved for shape in shapes]
        return float(value), variances * np.array(slope) + away / PRIOR_SPREAD

    return energy


def _log2(n: int) -> int:
    return int(np.ceil(np.log2(n)))


def _resampled(weight: Array, n: int) -> Array:
    """Indices of n points, systematically by weight."""
    edges = np.cumsum(weight) / weight.sum()
    return np.minimum(np.searchsorted(edges, (np.arange(n) + 0.5) / n), len(weight) - 1)
