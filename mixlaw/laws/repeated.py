"""Rectified law whose own tokens count for less when they are repeated.

    L(N, D, r) = E + A/N^α + B·(w·r^η·D + D_b·N^k)^-β
    w          = D'/(r·D),   D' = U + U·R*·(1 - e^(-(r·D/U - 1)/R*)) where r·D > U, else r·D

N and D in billions; r is the share of the corpus whose loss is predicted; U are the distinct tokens
of that corpus that the run could draw from, infinite where unknown. E, A, B ≥ 0, α, β, η > 0, Db =
D_b > 0 and k are those of ``rectified``; Rs = R* > 0 is the number of repeats over which a token's
worth falls by e: after endless repeats the corpus counts as 1 + R* passes.

With η < 1 the own tokens are worth most at some share inside (0, 1) where repeats no longer pay:
the domain loss then has its minimum there, and the share of it falls as D grows.

Source: Muennighoff et al., arXiv 2305.16264, Eq. 5 (R* = 15.4 there, in pre-training), in a
rectified law of ours.

Limits: those of ``rectified``, but a fitted loss may rise with r. R* is known only where some runs
repeat their own data several times; without such runs it is held at the paper's and the law is
``rectified`` within the data. A run that samples with repeats before the first pass ends has fewer
distinct tokens than its corpus.
"""

from dataclasses import replace

from mixlaw.laws import Claim, rectified
from mixlaw.laws._factors import gradient_of, terms_of
from mixlaw.laws._repetition import PUBLISHED, REPEATS, worth_of_repeats

_FACTORS = rectified.factors(worth_of_repeats())

LAW = replace(
    rectified.LAW,
    name="repeated",
    formula="E + A/N^alpha + B (w r^eta D + Db N^k)^-beta, w = D'(r D, U, Rs)/(r D)",
    source="Muennighoff et al. 2023, arXiv 2305.16264, Eq. 5, in the law 'rectified'",
    inputs=("N", "D", "r", "U"),
    parameters=(*rectified.LAW.parameters, REPEATS),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units={**rectified.LAW.units, "U": rectified.LAW.units["D"]},
    claims=(Claim("decreasing", "D"),),
    expects=(Claim("decreasing", "N"),),
    held={**rectified.LAW.held, "U": {"Rs": PUBLISHED}},
    knows_repeats=True,
    minimum="3 sizes x 3 budgets x 3 ratios, some with several passes over the domain data",
)
