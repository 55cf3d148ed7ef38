"""BiMix: a power of the share times a power of tokens, with few parameters.

    L(N, D, r) = r^-a·(B/D^β + C) + A/N^α

N and D in billions; r is the share of the corpus whose loss is predicted, and the only one that
counts. A, B, C ≥ 0 are linear amplitudes: C is the loss at r = 1 after endless tokens of an endless
model, B the data term there at 1B tokens, A the size term at 1B parameters. α, β > 0 are exponents,
a > 0 the exponent of the share.

Source: second-hand. Ge et al., arXiv 2405.14908, have r^-a·(B/s^β + C) in steps s; the size term is
ours, added as a power.

Limits: no finite value at r = 0, where it is not offered; the loss grows by the same factor for
every halving of the share, so it cannot level off towards r = 0; diverges as D → 0; falls with N, D
and r everywhere. A robust baseline of six parameters, not a law to trust near the edges.
"""

from mixlaw.laws import Claim, Law, Parameter, dcpt
from mixlaw.laws._factors import gradient_of, inverse_power, terms_of

_FACTORS = {
    "B": inverse_power("r", "a") * inverse_power("D", "beta"),
    "C": inverse_power("r", "a"),
    "A": inverse_power("N", "alpha"),
}

LAW = Law(
    name="bimix",
    formula="r^-a (B/D^beta + C) + A/N^alpha",
    source="after Ge et al. 2024, arXiv 2405.14908, with a power of size",
    inputs=("N", "D", "r"),
    parameters=(
        Parameter("B", 0.0, float("inf"), "data term at 1B tokens, r = 1", amplitude="nonneg"),
        Parameter("C", 0.0, float("inf"), "irreducible loss at r = 1", amplitude="nonneg"),
        *dcpt.LAW.pick("A"),
        Parameter("a", 1e-3, 2.0, "exponent of the share", start=(0.005, 0.5)),
        *dcpt.LAW.pick("alpha", "beta"),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D"), Claim("decreasing", "r")),
    needs_positive=("N", "D", "r"),
    held={"N": {"A": 0.0, "alpha": 1.0}, "D": {"B": 0.0, "beta": 1.0}, "r": {"a": 1e-3}},
    minimum="3 sizes x 2 budgets x 3 ratios above zero",
    candidate=False,
)
