"""D-CPT law whose own tokens count for less when they are repeated.

    L(N, D, r) = E + A/N^α + B·r^η/(w·D)^β + C/(r + ε)^γ
    w          = D'/(r·D),   D' = U + U·R*·(1 - e^(-(r·D/U - 1)/R*)) where r·D > U, else r·D

N and D in billions; r is the share of the corpus whose loss is predicted; U are the distinct tokens
of that corpus that the run could draw from, infinite where unknown. E, A, B, C ≥ 0, α, β, γ > 0, η
> 0 and ε > 0 are those of ``dcpt``; Rs = R* > 0 is the number of repeats over which a token's worth
falls by e.

Source: Muennighoff et al., arXiv 2305.16264, Eq. 5 (R* = 15.4 there, in pre-training), in the
data term of Que et al., arXiv 2406.01375, Eq. 6; the combination is ours.

Limits: those of ``dcpt``. The share term C does not know of repeats. R* is known only where some
runs repeat their own data several times; without such runs it is held at the paper's and the law is
``dcpt`` within the data.
"""

from dataclasses import replace

from mixlaw.laws import dcpt
from mixlaw.laws._factors import (
    ONE,
    gradient_of,
    inverse_power,
    share_power,
    shifted_share,
    terms_of,
)
from mixlaw.laws._mixture import to_the_minus
from mixlaw.laws._repetition import PUBLISHED, REPEATS, worth_of_repeats

_FACTORS = {
    "E": ONE,
    "A": inverse_power("N", "alpha"),
    "B": share_power("eta") * inverse_power("D", "beta") * to_the_minus(worth_of_repeats(), "beta"),
    "C": shifted_share("gamma", sign=-1),
}

LAW = replace(
    dcpt.LAW,
    name="dcpt-repeated",
    formula="E + A/N^alpha + B r^eta/(w D)^beta + C/(r+eps)^gamma, w = D'(r D, U, Rs)/(r D)",
    source="Muennighoff et al. 2023, arXiv 2305.16264, Eq. 5, in arXiv 2406.01375, Eq. 6",
    inputs=("N", "D", "r", "U"),
    parameters=(*dcpt.LAW.parameters, REPEATS),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units={**dcpt.LAW.units, "U": dcpt.LAW.units["D"]},
    switches={},
    expects=(),
    held={
        **dcpt.LAW.held,
        "D": {**dcpt.LAW.held["D"], "Rs": PUBLISHED},
        "U": {"Rs": PUBLISHED},
    },
    knows_repeats=True,
    minimum="3 sizes x 3 budgets x 4 ratios, some with several passes over the domain data",
)
