"""Cross-lingual law: D-CPT whose data term shrinks with model size as well.

    L(N, D, r) = E + A/N^α + B·r^η/(D^β·N^c) + C/(r + ε)^γ

N and D in billions; r is the share of the corpus whose loss is predicted. E, A, B, C ≥ 0 are linear
amplitudes; α, β, γ > 0 are exponents, η > 0 is the exponent of the share in the data term, ε > 0
keeps the law finite at r = 0, and c, of either sign, is the exponent of size in the data term: with
c > 0 a larger model has less to gain from tokens.

Source: second-hand. The joint term B/(D^β·N^γ) is that of Zheng et al., arXiv 2407.02118 (there β =
0.20, γ = 0.08 for a new language and no mixture); that it replaces the data term of D-CPT (Que et
al., arXiv 2406.01375, Eq. 6) is ours.

Limits: those of ``dcpt`` (falls with D everywhere, diverges as D → 0). Without c < 0 it also falls
with N everywhere. At one size c is held at zero.
"""

from mixlaw.laws import Claim, Law, Parameter, dcpt
from mixlaw.laws._factors import (
    ONE,
    gradient_of,
    inverse_power,
    share_power,
    shifted_share,
    terms_of,
)

_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha"),
    "B": share_power("eta") * inverse_power("D", "beta") * inverse_power("N", "c"),
    "C": shifted_share("gamma", sign=-1),
}

LAW = Law(
    name="cross-lingual",
    formula="E + A/N^alpha + B r^eta/(D^beta N^c) + C/(r+eps)^gamma",
    source="after Zheng et al. 2024, arXiv 2407.02118, in the law of arXiv 2406.01375, Eq. 6",
    inputs=("N", "D", "r"),
    parameters=(
        *dcpt.LAW.parameters,
        Parameter("c", -1.0, 1.0, "exponent of size in the data term", start=(-0.3, 0.3)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "D"),),
    expects=(Claim("decreasing", "N"), Claim("decreasing", "r")),
    needs_positive=("N", "D"),
    held={
        "N": {"A": 0.0, "alpha": 1.0, "c": 0.0},
        "D": {"B": 0.0, "beta": 1.0, "eta": 1.0, "c": 0.0},
        "r": dcpt.LAW.held["r"],
    },
    minimum="3 sizes x 3 budgets x 4 ratios",
    candidate=False,
)
