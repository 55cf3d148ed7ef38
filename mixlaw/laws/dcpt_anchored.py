"""Anchored D-CPT law: starts at the measured loss of the base model and may rise before it falls.

    L(N, D, r) = L0 + [C·N^-κ·s(r) + W]·[1 - (1 + D/D₁)^-φ] - B·r^η·[1 - (1 + D/D₀)^-β]
    s(r)       = [(r + ε)^-γ - (1 + ε)^-γ] / [ε^-γ - (1 + ε)^-γ]

N in billions of parameters; D, D1, D0 in billions of tokens; r is the share of the corpus whose
loss is predicted; L0 is the base model's loss on the same eval set. At D = 0 the law is L0.

C ≥ 0 is the rise (nats, at 1B parameters) that endless tokens without any of this corpus would
cause; kappa is κ, its power of size, of either sign because studies disagree, zero with one size;
D1 > 0 and φ > 0 are scale and exponent of its growth in tokens; s falls from one at r = 0 to zero
at r = 1 with the offset ε > 0 and the exponent γ > 0 of D-CPT's share term. W ≥ 0 is a rise at
every share, as re-warming the learning rate causes. B ≥ 0 is the gain (nats) that endless tokens
of this corpus alone would bring, η ≥ 0 the exponent of the share in it, D0 > 0 and β > 0 scale and
exponent of its growth in tokens.

Ours, after Que et al., arXiv 2406.01375, Eq. 6, whose data term B·r^η/D^β diverges at D = 0 and
whose share term does not depend on D; the brackets are scaled to lie between 0 and 1, so that C
and B are losses.

Limits: the gain does not depend on N beyond the base loss; falls with r everywhere; loss at r = 0
cannot come back. Scale and exponent of one term are flat directions of the fit (while D is small
against the scale only their product shows): read curves.
"""

import numpy as np

from mixlaw.laws import OFFSET, Claim, Law, Parameter, dcpt
from mixlaw.laws._factors import (
    BASE_LOSS,
    gradient_of,
    inverse_power,
    lacking_share,
    negative,
    saturating_tokens,
    share_power,
    terms_of,
)

_RISE = saturating_tokens("D1", "phi")
_FACTORS = {
    OFFSET: BASE_LOSS,
    "C": inverse_power("N", "kappa") * lacking_share("gamma") * _RISE,
    "W": _RISE,
    "B": negative(share_power("eta") * saturating_tokens("D0", "beta")),
}

#: Bounds of a token scale, in billions: from a hundred tokens, fewer than any sweep has, to ten
#: trillion; it is searched in the log between ten thousand tokens and 100B. Conventional.
SCALE_BOUNDS = (1e-7, 1e4)
SCALE_START = (1e-5, 1e2)

LAW = Law(
    name="dcpt-anchored",
    formula="L0 + (C N^-kappa s(r) + W) [1 - (1+D/D1)^-phi] - B r^eta [1 - (1+D/D0)^-beta]",
    source="after Que et al. 2024, arXiv 2406.01375, Eq. 6, anchored at the base loss",
    inputs=("N", "D", "r", "L0"),
    parameters=(
        Parameter("C", 0.0, np.inf, "rise at 1B parameters, r = 0", amplitude="nonneg"),
        Parameter("W", 0.0, np.inf, "rise at every share", amplitude="nonneg"),
        Parameter("B", 0.0, np.inf, "gain at r = 1", amplitude="nonneg"),
        Parameter("D1", *SCALE_BOUNDS, "tokens over which loss rises", None, SCALE_START, "D"),
        Parameter("phi", 0.05, 4.0, "exponent of the rise in tokens", start=(0.1, 2.0)),
        Parameter("D0", *SCALE_BOUNDS, "tokens over which loss falls", None, SCALE_START, "D"),
        Parameter("beta", 0.01, 2.0, "exponent of the gain in tokens", start=(0.05, 1.0)),
        *dcpt.LAW.pick("eta", "eps", "gamma"),
        Parameter("kappa", -1.0, 1.0, "exponent of size in the rise", start=(-0.3, 0.3)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units={"N": 1e9, "D": 1e9},
    claims=(Claim("decreasing", "r"),),
    needs_positive=("N",),
    held={
        "N": {"kappa": 0.0},
        "r": {"C": 0.0, "eta": 0.0, "eps": 0.1, "gamma": 1.0, "kappa": 0.0},
    },
    minimum="base losses and 4 ratios x 4 budgets; 3 sizes for the power of N",
)
