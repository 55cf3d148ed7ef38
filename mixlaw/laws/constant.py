"""Constant: the loss does not depend on the setting at all.

    L = E

E ≥ 0 is the mean loss. It takes no share r and no other input, so it is finite everywhere. It is
the baseline that every other law must beat; a law that does not has learnt nothing from the sweep.

Limits: it predicts the same loss for every mixture, so it can never recommend one.
"""

import numpy as np

from mixlaw.laws import Law, Parameter
from mixlaw.laws._factors import ONE, gradient_of, terms_of

_FACTORS = {"E": ONE}

LAW = Law(
    name="constant",
    formula="E",
    source="the mean, as a baseline",
    inputs=(),
    parameters=(Parameter("E", 0.0, np.inf, "mean loss", amplitude="nonneg"),),
    terms=terms_of(_FACTORS),
    gradient=gradient_of(_FACTORS),
    minimum="1 row",
)
