"""Forgetting law: a control term, and a rise that is linear in the log of the own share.

    L(N, D, r) = L0 + w + q·ln(1 + D/S) + b·N^-nu·D^tau·ln((1 + e)/(r + e))

N, D and S in billions; r is the share of the corpus whose loss is predicted: the replay share for
the general loss. L0 is the base model's loss. w and q, of either sign, are the change without any
other corpus (r = 1), the control: w at once, as re-warming the learning rate causes, q with every
factor of e by which all tokens seen grow, S being those of pre-training. b >= 0 is what each factor
of e by which the own share is smaller adds, at 1B tokens and parameters; e > 0 keeps it finite at
r = 0.

Source: ours, for few runs. The slope in the log of the replay share is what published studies of
forgetting have in common; it is the limit gamma -> 0 of D-CPT's C/(r + eps)^gamma (arXiv
2406.01375). ``mixlaw.fit.prior`` knows its parameters from them.

Limits: e moves with tokens, which matters below a replay share of a tenth. A share dependence
steeper than logarithmic, as of a language far from the base's, it misses. Of a domain loss S is no
count of pre-training tokens but a small scale, so that the control falls with the log of D.
"""

import numpy as np

from mixlaw.laws import OFFSET, Claim, Law, Parameter
from mixlaw.laws._factors import (
    BASE_LOSS,
    ONE,
    Factor,
    gradient_of,
    inverse_power,
    power,
    scarcity,
    terms_of,
)

_SEEN = Factor(
    lambda p, x: np.log1p(x["D"] / p["S"]),
    lambda p, x: {"S": -x["D"] / (p["S"] * (p["S"] + x["D"]))},
)
_LACK = scarcity("e")
_FACTORS = {
    OFFSET: BASE_LOSS,
    "w": ONE,
    "q": _SEEN,
    "b": inverse_power("N", "nu") * power("D", "tau") * _LACK,
}

LAW = Law(
    name="forgetting",
    formula="L0 + w + q ln(1 + D/S) + b N^-nu D^tau ln((1+e)/(r+e))",
    source="linear in the log of the own share, with the form that published studies share",
    inputs=("N", "D", "r", "L0"),
    parameters=(
        Parameter("w", -np.inf, np.inf, "change of the control at once", amplitude="free"),
        Parameter("q", -np.inf, np.inf, "change per e-fold of tokens seen", amplitude="free"),
        Parameter("b", 0.0, np.inf, "rise per e-fold less of the share", amplitude="nonneg"),
        Parameter("S", 1e-6, 1e6, "scale of tokens", start=(1e-3, 1e3), counts="D"),
        Parameter("e", 1e-6, 3.0, "offset of the share", start=(1e-3, 0.1)),
        Parameter("nu", -1.0, 2.0, "exponent of size in the rise", start=(0.0, 0.5)),
        Parameter("tau", 1e-3, 2.0, "exponent of tokens in the rise", start=(0.1, 0.6)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units={"N": 1e9, "D": 1e9},
    claims=(Claim("decreasing", "r"),),
    needs_positive=("N", "D"),
    held={
        "N": {"nu": 0.0},
        "D": {"q": 0.0, "S": 1.0, "tau": 1.0},
        "r": {"b": 0.0, "e": 0.1, "nu": 0.0, "tau": 1.0},
    },
    minimum="base losses and 2 budgets x 2 ratios; fewer with a prior (fit --prior)",
    candidate=False,
)
