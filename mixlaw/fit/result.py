"""What a fit is once it is made: parameters, draws and statuses, saved as open files.

``fit.json`` says everything a person may ask; ``draws.npz`` holds the bootstrap draws. This module
only loads, saves and predicts (numpy alone), so ``mixlaw recommend`` starts fast.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixlaw import laws
from mixlaw.errors import DataError, FitError

Array = NDArray[np.float64]

SCHEMA = "mixlaw.fit/1"


@dataclass(frozen=True)
class Status:
    """Trouble that every report prints: a code of DESIGN section 5 and a sentence for a person."""

    code: str
    message: str
    eval_set: str = ""
    law: str = ""


@dataclass(frozen=True)
class Prediction:
    """A predicted quantity at n points.

    Attributes:
        estimate: from the point estimate of the fit, shape (n,).
        draws: one row per draw, shape (n_draws, n). Draw k is the same resampled sweep for every
            eval set, point and base loss, so differences between predictions keep their precision.
    """

    estimate: Array
    draws: Array

    def interval(self, level: float = 0.9) -> tuple[Array, Array]:
        """Lower and upper end of the central interval of this level, each of shape (n,)."""
        tail = (1 - level) / 2
        low, high = np.quantile(self.draws, [tail, 1 - tail], axis=0)
        return low, high
