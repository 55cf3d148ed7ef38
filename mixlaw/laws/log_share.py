"""Log-share law: from the measured base loss, a change that is linear in the log of the own share.

    L(N, D, r) = L0 + V + W·D^β + B·N^-κ·D^β·ln((1 + ε)/(r + ε))

N and D in billions; r is the share of the corpus whose loss is predicted: the replay share for the
general loss. L0 is the base model's loss. V and W, of either sign, are the change without any other
corpus (r = 1): V at once, as re-warming and decaying the learning rate cause, W at 1B tokens. B ≥ 0
is what each factor of e by which the own share is smaller adds, at 1B tokens and parameters; β > 0
is the exponent of tokens, common to both, and kappa is κ, of either sign, that of size; ε > 0 keeps
it finite at r = 0.

Source: ours. Of twelve forms of the change without other corpora (none, V, W·D^β, W·D^φ,
saturating, with powers of N, and sums), tried on three small sweeps, none predicted the longest
budget better on all three: this one was best on one and within 0.06% of loss of the best on the
others.

Limits: for the general loss with few runs, two mixtures at least. The change grows with D for ever:
do not go far beyond the longest budget. At D = 0 it is L0 + V. A domain loss, which falls with
training at every share, it describes poorly.
"""

import numpy as np

from mixlaw.laws import OFFSET, Claim, Law, Parameter, dcpt
from mixlaw.laws._factors import (
    BASE_LOSS,
    ONE,
    gradient_of,
    inverse_power,
    power,
    scarcity,
    terms_of,
)

_LACK = scarcity("eps")
_FACTORS = {
    OFFSET: BASE_LOSS,
    "V": ONE,
    "W": power("D", "beta"),
    "B": inverse_power("N", "kappa") * power("D", "beta") * _LACK,
}

LAW = Law(
    name="log-share",
    formula="L0 + V + W D^beta + B N^-kappa D^beta ln((1+eps)/(r+eps))",
    source="linear in the log of the own share, anchored at the base loss",
    inputs=("N", "D", "r", "L0"),
    parameters=(
        Parameter("V", -np.inf, np.inf, "change at once", amplitude="free"),
        Parameter("W", -np.inf, np.inf, "change at 1B tokens, r = 1", amplitude="free"),
        Parameter("B", 0.0, np.inf, "rise per e-fold less of the share", amplitude="nonneg"),
        *dcpt.LAW.pick("beta"),
        Parameter("eps", 1e-3, 3.0, "offset of the share", start=(0.005, 1.0)),
        Parameter("kappa", -1.0, 1.0, "exponent of size in the rise", start=(-0.3, 0.3)),
    ),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    units=dcpt.LAW.units,
    claims=(Claim("decreasing", "r"),),
    needs_positive=("N",),
    held={
        "N": {"kappa": 0.0},
        "D": {"W": 0.0, "beta": 1.0},
        "r": {"B": 0.0, "eps": 0.1, "kappa": 0.0},
    },
    minimum="base losses and 2 budgets x 2 ratios; 3 sizes for the power of N",
)
