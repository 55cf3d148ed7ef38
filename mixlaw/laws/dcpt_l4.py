"""D-CPT variant L4: exponentials of the share instead of powers.

    L(N, D, r) = E + A/N^α + B·b₁^r/D^β + C/c₁^r

N and D in billions; r is the share of the corpus whose loss is predicted. E, A, B, C ≥ 0 are linear
amplitudes; α, β > 0 exponents; b1, c1 > 0 the fitted bases b₁, c₁ of the share. Finite at r = 0.
Source: Que et al., arXiv 2406.01375, Table 1 (L4).

Limits: whether it falls with r depends on b1 and c1 (the paper: "violates explicit trends");
diverges as D → 0. With a single D the two share terms are one, so B is held at zero.
"""

from mixlaw.laws import Claim, Law, Parameter, dcpt
from mixlaw.laws._factors import ONE, based_share, gradient_of, inverse_power, terms_of

_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha"),
    "B": based_share("b1", sign=1) * inverse_power("D", "beta"),
    "C": based_share("c1", sign=-1),
}

LAW = Law(
    name="dcpt-l4",
    formula="E + A/N^alpha + B b1^r/D^beta + C/c1^r",
    source="Que et al. 2024, arXiv 2406.01375, Table 1 (L4)",
    inputs=("N", "D", "r"),
    parameters=(
        *dcpt.LAW.pick("E", "A", "B", "C", "alpha", "beta"),
        Parameter("b1", 1e-3, 1e3, "base of the share in the data term", start=(0.1, 5.0)),
        Parameter("c1", 1e-3, 1e6, "base of the share term", start=(0.5, 20.0)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    expects=(Claim("decreasing", "r"),),
    needs_positive=("N", "D"),
    held={
        "N": {"A": 0.0, "alpha": 1.0},
        "D": {"B": 0.0, "beta": 1.0, "b1": 1.0},
        "r": {"C": 0.0, "b1": 1.0, "c1": 1.0},
    },
    minimum="3 sizes x 3 budgets x 4 ratios",
    candidate=False,
)
