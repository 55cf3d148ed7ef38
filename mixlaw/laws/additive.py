"""Additive mixture law: a rational term of all shares, with size and tokens added as powers.

    L(N, D, h) = E + k/(Σ_i c_i·h_i^g_i) + A/N^α + B/D^β

h are the shares of all corpora in the training mixture. E, k, A, B ≥ 0 are linear amplitudes; c_i >
0 is what corpus i counts against the first, whose c is one, and g_i > 0 how fast its worth levels
off with its share: k is the mixture term of a model trained on the first corpus alone. α, β > 0 are
exponents; N and D in billions.

Source: second-hand. Shukor et al., arXiv 2507.09404, additive law, with C_i = c_i/k.

Limits: additive, so the best mixture does not move with N or D, which is not what is measured
across sizes (``joint`` and ``effective-tokens`` let it move); diverges as D → 0. For more than two
corpora, all of them with a share in several runs. c and g of a corpus that hardly helps are flat
directions of the fit: read curves.
"""

import numpy as np

from mixlaw.laws import Claim, Law, Parameter, dcpt
from mixlaw.laws._factors import ONE, gradient_of, inverse_power, terms_of
from mixlaw.laws._mixture import WORTH, WORTH_POWER, rational_mixture
from mixlaw.laws._tied import SWITCHES

_FACTORS = {
    "E": ONE,
    "k": rational_mixture("c", "g"),
    "A": inverse_power("N", "alpha"),
    "B": inverse_power("D", "beta"),
}

LAW = Law(
    name="additive",
    formula="E + k/(sum_i c_i h_i^g_i) + A/N^alpha + B/D^beta",
    source="Shukor et al. 2025, arXiv 2507.09404, additive law",
    inputs=("N", "D", "h"),
    parameters=(
        *dcpt.LAW.pick("E"),
        Parameter("k", 0.0, np.inf, "mixture term on the first corpus alone", amplitude="nonneg"),
        *dcpt.LAW.pick("A", "alpha"),
        Parameter("B", 0.0, np.inf, "data term at 1B tokens", amplitude="nonneg"),
        *dcpt.LAW.pick("beta"),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    per_corpus=(WORTH, WORTH_POWER),
    claims=(Claim("decreasing", "N"), Claim("decreasing", "D")),
    needs_positive=("N", "D"),
    switches=SWITCHES,
    held={"N": {"A": 0.0, "alpha": 1.0}, "D": {"B": 0.0, "beta": 1.0}},
    minimum="3(m + 1) mixtures of m corpora; 3 sizes and budgets for N and D",
)
