"""Transfer law: from the measured base loss along a law of own tokens, as many as the base knows.

    L(N, D, r) = F + B·(r^η·D + D_b)^-β,   F = E + A/N^α,   D_b = ((L0 - F)/B)^(-1/β)

N and D in billions; r is the share of the corpus whose loss is predicted; L0 is the base model's
loss on the same eval set. F is the loss after endless own tokens: E > 0 irreducible, A ≥ 0 the size
term at 1B parameters, α > 0 its exponent. B > 0 is the excess over F after 1B own tokens from
scratch, β > 0 its exponent, η > 0 (eta) that of the share. D_b is not fitted: it is the number of
own tokens after which that law has come down to L0, so the law is L0 at D = 0 exactly.

No parameter is a linear amplitude. Where F ≥ L0 the base has nothing left to gain and L = L0.

Source: ours, after the effective data transferred of Hernandez et al., arXiv 2102.01293: the base
is a model trained on D_b own tokens, whatever it was trained on.

Limits: for a loss that falls with training, such as the domain loss: it cannot rise above L0, and
at r = 0 it stays there. Re-warming, or a base of another schedule than the runs, shifts L0 against
the ends of runs, which it cannot follow: an error in L0 is an error of all runs from it. E, A and B
trade off where budgets are few: read curves.
"""

from typing import Any

import numpy as np

from mixlaw.laws import OFFSET, Claim, Inputs, Law, Parameter, Params
from mixlaw.laws._levels import raised

#: Largest log of 1B tokens over D_b: at e^500 less than 1e-10 of the gap is left, whatever β; e^710
#: is no number.
_LARGEST = 500.0


def _parts(p: Params, x: Inputs) -> tuple[Any, Any, Any]:
    """The gap L0 - F (zero where F ≥ L0), its log over B, and the tokens over D_b."""
    floor = p["E"] + p["A"] * raised(x["N"], -p["alpha"])
    gap = np.maximum(x["L0"] - floor, 0.0)
    log_gap = np.log(np.where(gap > 0, gap, 1.0)) - np.log(p["B"])
    per_token = np.exp(np.minimum(log_gap / p["beta"], _LARGEST))
    return gap, log_gap, raised(x["r"], p["eta"]) * x["D"] * per_token


def terms(p: Params, x: Inputs) -> dict[str, Any]:
    """The loss, which has no linear amplitude."""
    gap, _, more = _parts(p, x)
    return {OFFSET: x["L0"] - gap + gap * (1 + more) ** -p["beta"]}


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], Any]:
    """Derivatives of the loss with respect to all parameters."""
    gap, log_gap, more = _parts(p, x)
    size = raised(x["N"], -p["alpha"])
    steep = (1 + more) ** (-p["beta"] - 1)
    by_floor = np.where(gap > 0, 1 - steep, 0.0)
    moved = gap * more * steep
    log_r = np.log(np.where(x["r"] > 0, x["r"], 1.0))
    by_name = {
        "E": by_floor,
        "A": by_floor * size,
        "alpha": -by_floor * p["A"] * size * np.log(x["N"]),
        "B": moved / p["B"],
        "beta": moved * log_gap / p["beta"] - gap * (1 + more) * steep * np.log1p(more),
        "eta": -p["beta"] * moved * log_r,
    }
    return {(OFFSET, name): slope for name, slope in by_name.items()}


LAW = Law(
    name="transfer",
    formula="F + B (r^eta D + Db)^-beta, F = E + A/N^alpha, Db = ((L0 - F)/B)^(-1/beta)",
    source="after Hernandez et al. 2021, arXiv 2102.01293, anchored at the base loss",
    inputs=("N", "D", "r", "L0"),
    parameters=(
        Parameter("E", 1e-3, 20.0, "irreducible loss", start=(0.1, 4.0)),
        Parameter("A", 0.0, 100.0, "size term at 1B parameters", None, (1e-3, 3.0), "N^alpha"),
        Parameter("B", 1e-4, 1e3, "excess after 1B own tokens", None, (1e-2, 10.0), "D^beta"),
        Parameter("alpha", 0.01, 2.0, "exponent of size", start=(0.05, 0.6)),
        Parameter("beta", 0.05, 2.0, "exponent of own tokens", start=(0.06, 0.9)),
        Parameter("eta", 1e-3, 4.0, "exponent of the share", start=(0.05, 2.0)),
    ),
    terms=terms,
    gradient=gradient,
    units={"N": 1e9, "D": 1e9},
    claims=(Claim("decreasing", "D"), Claim("decreasing", "r")),
    needs_positive=("N",),
    held={"N": {"A": 0.0, "alpha": 1.0}, "r": {"eta": 1.0}},
    minimum="base losses and 3 budgets x 3 ratios; 3 sizes",
)
