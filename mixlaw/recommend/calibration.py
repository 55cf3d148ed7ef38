"""What the first rows of the target run change in a fit: draws to keep, and how to move them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixlaw.result.types import Prediction


@dataclass(frozen=True)
class Calibration:
    """Which draws to keep and how far to move them; the default changes nothing.

    Attributes:
        index: draws kept, with repeats, shape (n_draws,); None keeps all.
        shift: per eval set, what is added to the estimate and, before resampling, to every draw.
        kind_known: whether the rows say if they are annealed; true without rows.
    """

    index: NDArray[np.intp] | None = None
    shift: Mapping[str, Prediction] = field(default_factory=dict)
    kind_known: bool = True

    def apply(self, prediction: Prediction, eval_set: str) -> Prediction:
        """The prediction moved and resampled."""
        shift = self.shift.get(eval_set)
        if shift is not None:
            prediction = Prediction(
                prediction.estimate + shift.estimate, prediction.draws + shift.draws
            )
        return self.resampled(prediction)

    def resampled(self, prediction: Prediction) -> Prediction:
        """The draws that are kept; a number that every draw shares stays as it is."""
        if self.index is None or len(prediction.draws) == 1:
            return prediction
        return Prediction(prediction.estimate, prediction.draws[self.index])
