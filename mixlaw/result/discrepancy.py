"""Predictions moved and widened by the misfit that a fit has learned.

Beyond the sweep it is that of ``mixlaw.fit.discrepancy.out_of_range``. In range it is kriging's
(``mixlaw.result.kriging``); fits of earlier versions have mean residuals instead (``corrected``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.polynomial.legendre import legvander

from mixlaw.laws import Inputs
from mixlaw.result.standard_draws import DIRECTIONS
from mixlaw.result.types import Array, FitRecord, Prediction

#: Added to the name of a direction: the misfit that has a sign.
DRIFT = ".drift"
#: Standard deviation of the growth of a drift, relative: it may halt, or double.
GROWTH = 0.8


def along(direction: str, x: Inputs) -> Array:
    """Position of every row in a direction, shape (n,); compute is size x tokens."""
    return {"n_params": x["N"], "tokens": x["D"], "compute": x["N"] * x["D"]}[direction]


def widened(
    fit: FitRecord,
    eval_set: str,
    prediction: Prediction,
    x: Inputs,
    directions: Sequence[str] = DIRECTIONS,
) -> Prediction:
    """Draws moved against the drift, and spread by what is not known of the misfit.

    Args:
        fit: which has learned the misfit.
        eval_set: whose loss is predicted.
        prediction: of the laws at n points.
        x: inputs N and D of the points, shape (n,).
        directions: in which the points may leave the sweep.
    """
    log_shift, n = np.zeros_like(prediction.draws), len(prediction.draws)
    learned = fit.beyond.get(eval_set, {})
    for name in directions:
        spread, drift = learned.get(name, 0.0), learned.get(name + DRIFT, 0.0)
        if not spread and not drift:
            continue
        student, normal = (
            of[DIRECTIONS.index(name), :n] for of in (fit.standard.spread, fit.standard.drift)
        )
        values = along(name, x)
        low, high = fit.ranges[name]
        above, below = (np.log(far).clip(min=0.0) for far in (values / high, low / values))
        log_shift += np.outer(spread * student, above + below)
        # Which way the law bends below the sweep was not seen: there a drift has either sign.
        log_shift -= drift * (above + np.outer(normal, GROWTH * above + below))
    return Prediction(prediction.estimate, prediction.draws * np.exp(log_shift))


def corrected(fit: FitRecord, eval_set: str, prediction: Prediction, x: Inputs) -> Prediction:
    """Moved against what the laws miss alike in all runs (fits of earlier versions)."""
    misfit = fit.lack_of_fit.get(eval_set)
    if not misfit:
        return prediction
    log_shift = -_carried(fit, eval_set, x) * missed(misfit, x).sum(axis=0)
    errors = missed(misfit, x, "error")
    normal = fit.standard.misfit[: len(errors), : len(prediction.draws)]
    return Prediction(
        prediction.estimate * np.exp(log_shift),
        prediction.draws * np.exp(log_shift + normal.T @ errors),
    )


def _carried(fit: FitRecord, eval_set: str, x: Inputs) -> Array:
    """Part of the misfit that is carried to inputs x, shape (n,).

    Where sizes and budgets follow from compute, a token count has few sizes, and its misfit is
    theirs as well: to twice the compute half of it is carried. Elsewhere it is carried whole.
    """
    if "compute" not in fit.beyond.get(eval_set, {}):
        return np.ones(len(x["D"]))
    (low, high), compute = fit.ranges["compute"], along("compute", x)
    return np.asarray(np.minimum(1.0, np.minimum(high / compute, compute / low)))


def missed(misfit: Mapping[str, Any], x: Inputs, what: str = "missed") -> Array:
    """Terms of the misfit (or of its ``error``) in log loss at inputs x, shape (p, n).

    They stay what they are at the nearest end of the range outside of it.
    """
    log_tokens, known = np.log(x["D"]), np.log(misfit["tokens"])
    coefficients = np.stack([np.interp(log_tokens, known, row) for row in misfit[what]])
    return np.asarray(coefficients * misfit_terms(misfit, x, len(coefficients) - 2))


def misfit_terms(ranges: Mapping[str, Any], x: Inputs, degree: int) -> Array:
    """Log size, and Legendre polynomials of the share up to this degree, shape (degree + 2, n).

    Share and log size run from -1 to 1 over their ranges.
    """
    share = _unit(share_of(x), *ranges["share"])
    size = _unit(np.log(x["N"]), *np.log(ranges["n_params"]))
    return np.vstack([size, legvander(share, degree).T])


def share_of(x: Inputs) -> Array:
    """The share in which a misfit may vary, shape (n,): zero where there is none."""
    return np.asarray(x.get("r", x.get("R", np.zeros(len(x["D"])))))


def _unit(values: Array, low: float, high: float) -> Array:
    """From -1 to 1 over a range, and zero in a range of one value."""
    middle, half = (low + high) / 2, (high - low) / 2
    return np.clip((values - middle) / half, -1.0, 1.0) if half > 0 else np.zeros_like(values)
