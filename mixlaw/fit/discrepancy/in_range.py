"""In range: what a law misses alike in all runs at the same tokens.

Noise is a run's own; a law that bends other than the losses do misses all runs in the same way. So
the mean residual of all runs at a token count, its slope in log size, and its slope and bends in
the share, tell the misfit from the noise far below what either is in a single run. They are shrunk
by what noise alone would leave of them (James and Stein 1961), and predictions are moved against
them: a discrepancy beside the law, as in Kennedy and O'Hagan (2001).

What is missed alike at all tokens cannot be learned so: it looks like the noise between runs. But
where residuals are larger than replicates differ (an F test), the law misses as much as the
difference, somewhere over shares and sizes, and predictions are spread by that.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

from mixlaw.fit import noise as noises
from mixlaw.fit.law_fit import LawFit, levels
from mixlaw.fit.noise import trunk_sums
from mixlaw.fit.row_fit import RowFit
from mixlaw.fit.selection import Rows
from mixlaw.laws import Array
from mixlaw.result.discrepancy import misfit_terms, share_of

#: Most bins of token counts, equally wide in log tokens: conventional.
BINS = 12
#: Runs that a bin needs, for a mean residual that is not one run's own: conventional.
LEAST_RUNS = 3
#: Bins needed for a mean residual that the law has not absorbed by its level and slope.
LEAST_BINS = 3
#: Degree in the share, in which laws bend most. On 70 simulated sweeps 90% intervals of the ratio
#: covered 86% with one, 88% with two, 91% with three and no more with four.
DEGREE = 3
#: Confidence of the F test of residuals against the noise of replicates: conventional.
CONFIDENCE = 0.99
#: Standard deviation of a normal variable over the median of its size.
NORMAL_MEDIAN = 1.4826


def learn(rows: Rows, fits: Sequence[tuple[float, LawFit]]) -> dict[str, Any]:
    """What the weighted mean of these fits misses in all runs.

    Args:
        rows: the rows.
        fits: laws fitted to them, with weights that sum to one.

    Returns:
        ``tokens`` (k,), increasing; ``missed`` (p, k), predicted - measured log loss there as the
        coefficients of ``mixlaw.result.discrepancy.misfit_terms``, and ``error``, their standard
        errors; the ranges ``share`` and ``n_params``. Empty where noise explains all of it or is
        not known, or where too few runs share their token counts and no setting has replicates.
    """
    predicted = np.sum([weight * fit.predict(rows.x) for weight, fit in fits], axis=0)
    usable = np.isfinite(predicted) & (predicted > 0)
    x = {name: values[..., usable] for name, values in rows.x.items()}
    log_tokens, trunk = np.log(x["D"]), rows.trunk[usable]
    bins = [here for here in _bins(log_tokens) if len(np.unique(trunk[here])) >= LEAST_RUNS]
    if len(bins) < LEAST_BINS:
        bins = [np.ones(len(trunk), dtype=bool)]
    parts = [part for _, fit in fits for part in fit.parts]
    if any(part.noise.assumed for part in parts):
        return {}
    ranges = {
        name: [float(values.min()), float(values.max())]
        for name, values in (("share", share_of(x)), ("n_params", x["N"]))
    }
    degree = min(DEGREE, len(levels(share_of(x))) - 1)
    terms = misfit_terms(ranges, x, degree)
    variances = np.mean([(p.noise.between**2, p.noise.within**2) for p in parts], axis=0)
    residual = np.log(predicted[usable] / rows.loss[usable])
    shrunk = [_shrunk(term, residual, trunk, variances) for term in _coefficients(terms, bins)]
    hidden = _equal_parts(float(np.mean([unexplained(part) for part in parts])), terms)
    if not any(mean.any() for mean, _ in shrunk) and not hidden.any():
        return {}
    errors = [np.hypot(error, part) for (_, error), part in zip(shrunk, hidden, strict=True)]
    return {
        "tokens": [float(np.exp(log_tokens[here].mean())) for here in bins],
        "missed": [mean.tolist() for mean, _ in shrunk],
        "error": [error.tolist() for error in errors],
        **ranges,
    }


def unexplained(part: RowFit) -> float:
    """Variance of a typical log residual that noise between replicates does not explain.

    An F test on all residuals says whether there is any; their median says how much, so that
    an edge of the sweep which the law does not reach leaves the rest of the predictions alone.

    Returns:
        Zero without replicates, or where noise explains the residuals.
    """
    rows, noise, seed = part.rows, part.noise, noises.seed_std(part.rows)
    if np.isnan(seed) or seed == 0 or noise.assumed:
        return 0.0
    cell = noises.cells(rows)
    again = np.bincount(cell)[cell] > 1
    between_seeds = int(again.sum()) - len(np.unique(cell[again]))
    left = len(rows) - len(part.problem.model.free)
    numerator = _independent(left, rows.trunk, noise.correlation)
    denominator = _independent(between_seeds, rows.trunk, noise.correlation)
    variance = noise.between**2 + noise.within**2
    if variance <= seed**2 * fdtri(numerator, denominator, CONFIDENCE):
        return 0.0
    typical = (NORMAL_MEDIAN * np.median(np.abs(part.residual))) ** 2 * len(rows) / left
    return float(max(0.0, min(variance, typical) - seed**2))


def _independent(n: int, trunk: NDArray[np.intp], correlation: float) -> float:
    """How many independent rows n rows are worth, at least one: those of a trunk correlate."""
    per_trunk = len(trunk) / len(np.unique(trunk))
    return max(1.0, n / (1 + (per_trunk - 1) * correlation))


def _equal_parts(variance: float, terms: Array) -> Array:
    """Standard deviations (p,) of coefficients that make this variance, all terms alike."""
    mean_square = np.mean(terms**2, axis=1)
    real = mean_square > 0
    share = variance / max(int(real.sum()), 1)
    return np.where(real, np.sqrt(share / np.where(real, mean_square, 1.0)), 0.0)


def _coefficients(terms: Array, bins: Sequence[NDArray[np.bool_]]) -> Array:
    """Least-squares coefficients of the terms (p, n) in each of k bins, as functions of the n rows.

    Returns:
        Shape (p, k, n): times the values of the rows they are the coefficients.
    """
    of = np.zeros((len(terms), len(bins), terms.shape[1]))
    for k, here in enumerate(bins):
        of[:, k, here] = np.linalg.pinv(terms[:, here].T)
    return of


def _shrunk(
    of: Array, residual: Array, trunk: NDArray[np.intp], variances: Array
) -> tuple[Array, Array]:
    """Linear functions (k, n) of the residuals (n,) about their mean, shrunk by their noise.

    What is the same for all tokens belongs to the law: there noise and misfit look alike.

    Returns:
        Mean and standard deviation of what they are without noise, each of shape (k,).
    """
    of = of - of.mean(axis=0)
    of_trunk = trunk_sums(of, trunk)
    between, within = variances
    noise = between * np.sum(of_trunk**2, axis=1) + within * np.sum(of**2, axis=1)
    coefficients = of @ residual
    total = np.sum(coefficients**2)
    real = max(0.0, 1 - np.sum(noise) / total) if total > 0 else 0.0
    return real * coefficients, np.sqrt(real * noise)


def _bins(log_tokens: Array) -> list[NDArray[np.bool_]]:
    """Rows of about the same tokens: of each token count where these are few, shape (n,) each."""
    counts = np.unique(np.round(log_tokens, 3))
    edges = counts if len(counts) <= BINS else np.linspace(counts[0], counts[-1], BINS + 1)[:-1]
    index = np.searchsorted(edges, log_tokens + 1e-3, side="right")
    return [index == k for k in np.unique(index)]
