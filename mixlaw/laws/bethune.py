"""Forgetting law: what short training on other data costs, and how little replay prevents it.

    L(N, D, r) = L0 + E + A·D^β/((1 + B·r)·N)^α

N and D in billions; r is the share of the corpus whose loss is predicted: the replay share for the
general loss. L0 is the base model's loss. A ≥ 0 is the rise (nats) at 1B tokens and 1B parameters
without replay, β > 0 the exponent of tokens, α > 0 that of capacity; B > 0 says how many times its
size a model is worth per unit of replay. E is a shift of either sign that happens at once, as
re-warming the learning rate may cause.

Source: second-hand. Bethune et al., arXiv 2502.06042, with B from 829 (Wikipedia) to about 1e4 (DM
Mathematics) for replay up to 5%, models up to 1.3B and at most 30M tokens.

Limits: made for general loss, small replay and short training: the rise grows with D for ever,
while measured rises level off or turn; it never falls below L0 + E. At one size A and α trade off.
A domain loss falls: use another law.
"""

from typing import Any

import numpy as np

from mixlaw.laws import OFFSET, Claim, Inputs, Law, Parameter, Params, dcpt
from mixlaw.laws._factors import BASE_LOSS, ONE, Factor, gradient_of, power, terms_of


def _capacity(p: Params, x: Inputs) -> Any:
    return ((1 + p["B"] * x["r"]) * x["N"]) ** -p["alpha"]


def _capacity_slopes(p: Params, x: Inputs) -> dict[str, Any]:
    growth, value = 1 + p["B"] * x["r"], _capacity(p, x)
    return {
        "B": -p["alpha"] * x["r"] / growth * value,
        "alpha": -np.log(growth * x["N"]) * value,
    }


_FACTORS = {
    OFFSET: BASE_LOSS,
    "E": ONE,
    "A": power("D", "beta") * Factor(_capacity, _capacity_slopes),
}

LAW = Law(
    name="bethune",
    formula="L0 + E + A D^beta/((1 + B r) N)^alpha",
    source="Bethune et al. 2025, arXiv 2502.06042, as quoted by others",
    inputs=("N", "D", "r", "L0"),
    parameters=(
        Parameter("E", -np.inf, np.inf, "shift at once", amplitude="free"),
        Parameter("A", 0.0, np.inf, "rise at 1B tokens and parameters", amplitude="nonneg"),
        Parameter("B", 1e-2, 1e6, "worth of replay, in model sizes", start=(0.3, 1e4)),
        *dcpt.LAW.pick("alpha", "beta"),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "r"), Claim("increasing", "D")),
    needs_positive=("N",),
    held={"r": {"B": 1.0}},
    minimum="base losses and 3 budgets x 3 ratios near the edge; 3 sizes",
    candidate=False,
)
