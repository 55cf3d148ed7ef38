"""D-CPT variant L1: Chinchilla plus a share term, with no interaction of tokens and share.

    L(N, D, r) = E + A/N^α + B/D^β + C/(r + ε)^γ

N and D in billions; r is the share of the corpus whose loss is predicted. E, A, B, C ≥ 0 are linear
amplitudes; α, β, γ > 0 exponents; ε > 0 keeps it finite at r = 0.
Source: Que et al., arXiv 2406.01375, Table 1 (L1).

Limits: an extra token helps as much at every share (the paper's "implicit trend" is violated);
falls with N, D and r everywhere; diverges as D → 0.
"""

from mixlaw.laws import Claim, Law, dcpt
from mixlaw.laws._factors import ONE, gradient_of, inverse_power, shifted_share, terms_of

_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha"),
    "B": inverse_power("D", "beta"),
    "C": shifted_share("gamma", sign=-1),
}

LAW = Law(
    name="dcpt-l1",
    formula="E + A/N^alpha + B/D^beta + C/(r+eps)^gamma",
    source="Que et al. 2024, arXiv 2406.01375, Table 1 (L1)",
    inputs=("N", "D", "r"),
    parameters=dcpt.LAW.pick("E", "A", "B", "C", "alpha", "beta", "eps", "gamma"),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D"), Claim("decreasing", "r")),
    needs_positive=("N", "D"),
    held={
        "N": {"A": 0.0, "alpha": 1.0},
        "D": {"B": 0.0, "beta": 1.0},
        "r": {"C": 0.0, "eps": 0.1, "gamma": 1.0},
    },
    minimum="3 sizes x 3 budgets x 4 ratios",
    candidate=False,
)
