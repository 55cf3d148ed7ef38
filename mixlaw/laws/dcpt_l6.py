"""D-CPT variant L6: the share enters the data term as e^r, with no parameter of its own.

    L(N, D, r) = E + A/N^α + B·e^r/D^β + C/(r + ε)^γ

N and D in billions; r is the share of the corpus whose loss is predicted. E, A, B, C ≥ 0 are linear
amplitudes; α, β, γ > 0 exponents; ε > 0 keeps it finite at r = 0.
Source: Que et al., arXiv 2406.01375, Appendix E.4 (L6), where it fits about as well as L3.

Limits: whether it falls with r depends on C; falls with N and D everywhere; diverges as D → 0.
"""

import numpy as np

from mixlaw.laws import Claim, Law, dcpt
from mixlaw.laws._factors import (
    ONE,
    Factor,
    gradient_of,
    inverse_power,
    shifted_share,
    terms_of,
)

_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha"),
    "B": Factor(lambda p, x: np.exp(x["r"]), lambda p, x: {}) * inverse_power("D", "beta"),
    "C": shifted_share("gamma", sign=-1),
}

LAW = Law(
    name="dcpt-l6",
    formula="E + A/N^alpha + B e^r/D^beta + C/(r+eps)^gamma",
    source="Que et al. 2024, arXiv 2406.01375, Appendix E.4 (L6)",
    inputs=("N", "D", "r"),
    parameters=dcpt.LAW.pick("E", "A", "B", "C", "alpha", "beta", "eps", "gamma"),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    expects=(Claim("decreasing", "r"),),
    needs_positive=("N", "D"),
    held={
        "N": {"A": 0.0, "alpha": 1.0},
        "D": {"B": 0.0, "beta": 1.0},
        "r": {"C": 0.0, "eps": 0.1, "gamma": 1.0},
    },
    minimum="3 sizes x 3 budgets x 4 ratios",
    candidate=False,
)
