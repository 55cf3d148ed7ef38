"""What repeated tokens are worth (Muennighoff et al., arXiv 2305.16264, Eq. 5)."""

from typing import Any

import numpy as np

from mixlaw.laws import Inputs, Parameter, Params
from mixlaw.laws._factors import Factor

#: Epochs beyond which a repeat counts as endless: nothing is left to gain, and no term overflows.
_MOST_EPOCHS = 1e9

#: R* of the paper, in pre-training: what is held where no run repeats its data.
PUBLISHED = 15.4
#: Repeats over which the worth of a token falls by e.
REPEATS = Parameter("Rs", 0.1, 1e3, "repeats after which little is gained", start=(1.0, 60.0))


def _epochs(x: Inputs) -> Any:
    """Passes over the own corpus: r·D/U, zero where it is not used."""
    own = x["r"] * x["D"]
    with np.errstate(divide="ignore"):
        passes = np.divide(own, x["U"], out=np.zeros(own.shape), where=own > 0)
    return np.clip(passes, 1.0, _MOST_EPOCHS)


def worth_of_repeats() -> Factor:
    """D'/(r·D): what a token counts on average, one up to the first full pass.

    D' = U + U·R*·(1 - e^(-(r·D/U - 1)/R*)) beyond it, where the own tokens r·D exceed the distinct
    ones U; it never exceeds (1 + R*)·U.
    """

    def value(p: Params, x: Inputs) -> Any:
        epochs = _epochs(x)
        return (1 - p["Rs"] * np.expm1((1 - epochs) / p["Rs"])) / epochs

    def slopes(p: Params, x: Inputs) -> dict[str, Any]:
        epochs = _epochs(x)
        repeats = (epochs - 1) / p["Rs"]
        return {"Rs": (-np.expm1(-repeats) - repeats * np.exp(-repeats)) / epochs}

    return Factor(value, slopes)
