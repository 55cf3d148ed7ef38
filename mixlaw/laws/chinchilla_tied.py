"""Chinchilla law with one exponent for size and tokens.

    L(N, D) = E + A/N^α + B/D^α

N and D in billions; E, A, B ≥ 0 are linear amplitudes (irreducible loss, size term, data term); α >
0 is the common exponent. No share r enters. Source: the tied exponents of Muennighoff et al., arXiv
2305.16264 (α = β = 0.353 there); the law of Hoffmann et al., arXiv 2203.15556, Eq. 2.

With one exponent fewer it extrapolates better from few sizes or a narrow range of tokens per
parameter: free exponents trade off against E. ``chinchilla`` with the switch ``alpha=beta`` is the
same law in plain counts.

Limits: those of ``chinchilla`` (no mixture; diverges as D → 0), and it is wrong where the exponents
differ, which a table of many sizes and budgets shows.
"""

from mixlaw.laws import Claim, Law, chinchilla, dcpt
from mixlaw.laws._factors import ONE, gradient_of, inverse_power, terms_of

_FACTORS = {"E": ONE, "A": inverse_power("N", "alpha"), "B": inverse_power("D", "alpha")}

LAW = Law(
    name="chinchilla-tied",
    formula="E + A/N^alpha + B/D^alpha",
    source="Muennighoff et al. 2023, arXiv 2305.16264, tied exponents",
    inputs=("N", "D"),
    parameters=(*dcpt.LAW.pick("E", "A", "B"), *chinchilla.LAW.pick("alpha")),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    needs_positive=("N", "D"),
    held={"N": {"A": 0.0}, "D": {"B": 0.0}},
    minimum="3 sizes x 2 budgets, not all at one tokens-per-parameter",
)
