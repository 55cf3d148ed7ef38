"""Anchored hump law: the loss of a run rises from the base model's while it adapts, then falls.

    L(N, D, r) = L0 + S·N^-κ·e^(-a·r)·[1 - (1 + D/D₁)^-β] - A·N^-λ·[1 - (1 + D/D₀)^-α]

N in billions of parameters; D, D1, D0 in billions of tokens; r is the share of the corpus whose
loss is predicted (for the general loss the replay share), for the domain loss too: then both
amplitudes can be non-negative. L0 is the base model's loss on the same eval set; at D = 0 the law
is L0.

S ≥ 0 is the rise (nats) that the shift to data without this corpus causes in the end, damped by
the rate a ≥ 0 in the share; D1 > 0 and β > 0 are scale and exponent of its growth in tokens. A ≥ 0
is the gain from endless further training, D0 > 0 and α > 0 scale and exponent of its growth. kappa
and lam (κ, λ) let both scale with size, in either direction, because studies disagree on the sign;
with one size they are zero.

Source: reduced form of Wang et al., arXiv 2505.07796, Eq. 4, for runs whose learning rate is not
known: their B·(1 - (1 + E·S1)^-β) with tokens for the area S1 under a constant learning rate, D1 =
1/E there, and their annealing terms left out. Powers of N are ours.

Limits: made for runs at constant learning rate, whose checkpoints it fits; falls with r
everywhere; the gain does not depend on r, so at r = 0 a forgotten loss comes back as it does
elsewhere. Scale and exponent of one term are flat directions of the fit: read curves and turning
points.
"""

import numpy as np

from mixlaw.laws import OFFSET, Claim, Law, Parameter
from mixlaw.laws._factors import (
    BASE_LOSS,
    damped_share,
    gradient_of,
    inverse_power,
    negative,
    saturating_tokens,
    terms_of,
)
from mixlaw.laws.dcpt_anchored import SCALE_BOUNDS, SCALE_START

_FACTORS = {
    OFFSET: BASE_LOSS,
    "S": inverse_power("N", "kappa") * damped_share("a") * saturating_tokens("D1", "beta"),
    "A": negative(inverse_power("N", "lam") * saturating_tokens("D0", "alpha")),
}

LAW = Law(
    name="hump",
    formula="L0 + S N^-kappa e^(-a r) [1 - (1+D/D1)^-beta] - A N^-lam [1 - (1+D/D0)^-alpha]",
    source="after Wang et al. 2025, arXiv 2505.07796, Eq. 4, without the learning rate",
    inputs=("N", "D", "r", "L0"),
    parameters=(
        Parameter("S", 0.0, np.inf, "rise by the shift at 1B parameters", amplitude="nonneg"),
        Parameter("A", 0.0, np.inf, "gain by training at 1B parameters", amplitude="nonneg"),
        Parameter("a", 0.0, 30.0, "rate at which the share damps the rise", start=(0.3, 8.0)),
        Parameter("D1", *SCALE_BOUNDS, "tokens over which loss rises", None, SCALE_START, "D"),
        Parameter("beta", 0.05, 4.0, "exponent of the rise in tokens", start=(0.1, 2.0)),
        Parameter("D0", *SCALE_BOUNDS, "tokens over which loss falls", None, SCALE_START, "D"),
        Parameter("alpha", 0.01, 2.0, "exponent of the gain in tokens", start=(0.05, 1.0)),
        Parameter("kappa", -1.0, 1.0, "exponent of size in the rise", start=(-0.3, 0.3)),
        Parameter("lam", -1.0, 1.0, "exponent of size in the gain", start=(-0.3, 0.3)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units={"N": 1e9, "D": 1e9},
    claims=(Claim("decreasing", "r"),),
    needs_positive=("N",),
    held={
        "N": {"kappa": 0.0, "lam": 0.0},
        "r": {"a": 0.0},
    },
    takes="trunk",
    minimum="base losses and 4 ratios x 8 checkpoints past the peak; 3 sizes for the powers of N",
)
