"""Chinchilla law: loss in model size and tokens, at whatever mixture was trained.

    L(N, D) = E + A/N^α + B/D^β

N and D are plain counts, as in the paper. E, A, B ≥ 0 are linear amplitudes (irreducible loss,
size term, data term; A and B are the terms at one parameter and one token, so they are large and
flat directions of the fit: compare α, β, E and curves, not A and B); α, β > 0 are exponents. No
share r enters. Source: Hoffmann et al., arXiv 2203.15556, Eq. 2; refitted by Besiroglu et al.,
arXiv 2404.10102. The switch ``alpha=beta`` ties the exponents, as Muennighoff et al., arXiv
2305.16264, do; ``chinchilla-tied`` is that law by itself.

Under a compute budget C = 6·N·D the loss is least at

    N = G·(C/6)^a,  D = G⁻¹·(C/6)^b,  a = β/(α+β),  b = α/(α+β),  G = (αA/(βB))^(1/(α+β))

Limits: no mixture, so it is the baseline that says what the ratio adds; diverges as D → 0, so it
cannot return the loss of a base model; falls with N and D everywhere.
"""

from typing import NamedTuple

import numpy as np

from mixlaw.laws import Claim, Inputs, Law, Parameter, Params
from mixlaw.laws._tied import SWITCHES


class Allocation(NamedTuple):
    """Constants of the compute-optimal allocation, in the units of N and D of the coefficients."""

    G: float
    a: float
    b: float

    def size(self, flops: float) -> float:
        """Optimal N for C = 6·N·D; ``flops`` in (unit of N) x (unit of D)."""
        return float(self.G * (flops / 6) ** self.a)

    def tokens(self, flops: float) -> float:
        """Optimal D for C = 6·N·D; ``flops`` in (unit of N) x (unit of D)."""
        return float((flops / 6) ** self.b / self.G)


def allocation(A: float, B: float, alpha: float, beta: float) -> Allocation:
    """Closed form of the optimum of A/N^α + B/D^β under C = 6·N·D.

    D-CPT at a fixed ratio r is this law with B·r^η in place of B (its usage 3).
    """
    total = alpha + beta
    return Allocation(
        G=float((alpha * A / (beta * B)) ** (1 / total)), a=beta / total, b=alpha / total
    )


def terms(p: Params, x: Inputs) -> dict[str, object]:
    """Factors of E, A and B."""
    return {"E": 1.0, "A": x["N"] ** -p["alpha"], "B": x["D"] ** -p["beta"]}


def gradient(p: Params, x: Inputs) -> dict[tuple[str, str], object]:
    """Derivatives of the factors with respect to α and β."""
    return {
        ("A", "alpha"): -np.log(x["N"]) * x["N"] ** -p["alpha"],
        ("B", "beta"): -np.log(x["D"]) * x["D"] ** -p["beta"],
    }


LAW = Law(
    name="chinchilla",
    formula="E + A/N^alpha + B/D^beta",
    source="Hoffmann et al. 2022, arXiv 2203.15556, Eq. 2",
    inputs=("N", "D"),
    parameters=(
        Parameter("E", 0.0, np.inf, "irreducible loss", amplitude="nonneg"),
        Parameter("A", 0.0, np.inf, "size term at one parameter", amplitude="nonneg"),
        Parameter("B", 0.0, np.inf, "data term at one token", amplitude="nonneg"),
        Parameter("alpha", 0.01, 2.0, "exponent of size", start=(0.05, 1.0)),
        Parameter("beta", 0.01, 2.0, "exponent of tokens", start=(0.05, 1.0)),
    ),
    terms=terms,
    gradient=gradient,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    needs_positive=("N", "D"),
    switches=SWITCHES,
    held={"N": {"A": 0.0, "alpha": 1.0}, "D": {"B": 0.0, "beta": 1.0}},
    minimum="3 sizes x 3 budgets, not all at one tokens-per-parameter",
)
