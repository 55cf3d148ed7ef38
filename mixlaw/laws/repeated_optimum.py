"""Loss about a best share that drifts with the budget, for runs that repeat scarce domain data.

    L(N, D, r) = E + A/N^α + B/D^β + k·(ln r - ln a + c·ln D)²

N and D in billions; r is the share of the corpus whose loss is predicted. The loss is least at the
share a/D^c: a > 0 is that share at 1B tokens, c the exponent with which it falls as D grows, of
either sign; k ≥ 0 is the curvature in ln r. E, A, B ≥ 0 are linear amplitudes, α, β > 0 exponents.

Source: ours: a quadratic about the optimum, where a fixed stock of domain tokens is repeated more
often the longer the run is. It knows no number of distinct tokens: all runs must have the same.

Limits: a local form: far from the optimum the loss grows with ln² r, which is too much, so fit it
to shares within a factor of about four of the best one; no finite value at r = 0, where it is not
offered; diverges as D → 0. The best share does not move with N. Where the optimum lies beyond the
shares that were run, a and c are extrapolated: trust an optimum inside them.
"""

from typing import Any

import numpy as np

from mixlaw.laws import Claim, Inputs, Law, Parameter, Params, dcpt
from mixlaw.laws._factors import ONE, Factor, gradient_of, inverse_power, terms_of


def _distance(p: Params, x: Inputs) -> Any:
    """Ln of the share over the best one."""
    return np.log(x["r"]) - np.log(p["a"]) + p["c"] * np.log(x["D"])


def _slopes(p: Params, x: Inputs) -> dict[str, Any]:
    distance = _distance(p, x)
    return {"a": -2 * distance / p["a"], "c": 2 * distance * np.log(x["D"])}


_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha"),
    "B": inverse_power("D", "beta"),
    "k": Factor(lambda p, x: _distance(p, x) ** 2, _slopes),
}

LAW = Law(
    name="repeated-optimum",
    formula="E + A/N^alpha + B/D^beta + k (ln r - ln a + c ln D)^2",
    source="a quadratic in ln r about an optimum that drifts with D",
    inputs=("N", "D", "r"),
    parameters=(
        *dcpt.LAW.pick("E", "A"),
        Parameter("B", 0.0, np.inf, "data term at 1B tokens", amplitude="nonneg"),
        Parameter("k", 0.0, np.inf, "curvature in ln r", amplitude="nonneg"),
        *dcpt.LAW.pick("alpha", "beta"),
        Parameter("a", 1e-8, 1e8, "best share at 1B tokens", None, (1e-3, 30.0), "D^c"),
        Parameter("c", -2.0, 2.0, "exponent with which it falls", start=(-0.3, 1.0)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"),),
    needs_positive=("N", "D", "r"),
    held={
        "N": {"A": 0.0, "alpha": 1.0},
        "D": {"B": 0.0, "beta": 1.0, "c": 0.0},
        "r": {"k": 0.0, "a": 1.0, "c": 0.0},
    },
    knows_repeats=True,
    minimum="3 budgets x 4 ratios about the best one, with the same distinct domain tokens",
)
