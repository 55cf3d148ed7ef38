"""D-CPT variant L7: the shifted share r + ε in both terms.

    L(N, D, r) = E + A/N^α + B·(r + ε)^η/D^β + C/(r + ε)^γ

N and D in billions; r is the share of the corpus whose loss is predicted. E, A, B, C ≥ 0 are
linear amplitudes; α, β, γ > 0 exponents; η ≥ 0 the exponent of the share in the data term; ε > 0
keeps it finite at r = 0. Source: Que et al., arXiv 2406.01375, Appendix E.4 (L7), where it fits
about as well as L3. Unlike L3 it keeps falling with D at r = 0.

Limits: whether it falls with r depends on the parameters; falls with N and D everywhere; diverges
as D → 0.
"""

from mixlaw.laws import Claim, Law, dcpt
from mixlaw.laws._factors import ONE, gradient_of, inverse_power, shifted_share, terms_of

_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha"),
    "B": shifted_share("eta", sign=1) * inverse_power("D", "beta"),
    "C": shifted_share("gamma", sign=-1),
}

LAW = Law(
    name="dcpt-l7",
    formula="E + A/N^alpha + B (r+eps)^eta/D^beta + C/(r+eps)^gamma",
    source="Que et al. 2024, arXiv 2406.01375, Appendix E.4 (L7)",
    inputs=("N", "D", "r"),
    parameters=dcpt.LAW.parameters,
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    expects=(Claim("decreasing", "r"),),
    needs_positive=("N", "D"),
    held=dcpt.LAW.held,
    minimum="3 sizes x 3 budgets x 4 ratios",
    candidate=False,
)
