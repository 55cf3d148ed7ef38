"""The first rows of the target run recalibrate the draws.

A law carried far from its data is mostly wrong in its level, less in its shape. Rows of the target
run itself, even of its first few percent, measure that level. For every draw k and eval set

    shift_k  = mean over the observed rows of (observed - predicted_k)
    weight_k ∝ exp(-Σ rows ((observed - predicted_k) - shift_k)² / (2 σ²)),

σ being the residual standard deviation of the fit: the shift moves each draw onto the run, the
weight keeps the draws whose *shape* agrees with it. The draws are then resampled by weight
(systematically, so the answer does not depend on a seed).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import DataError
from mixlaw.fit.result import Prediction

if TYPE_CHECKING:
    from mixlaw.recommend.question import Question

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Which draws to keep and how far to move them; the default changes nothing.

    Attributes:
        index: draws kept, with repeats, shape (n_draws,); None keeps all.
        shift: per eval set, what is added to the estimate and, before resampling, to every draw.
        base: per eval set, the base loss measured in the target run itself.
    """

    index: NDArray[np.intp] | None = None
    shift: Mapping[str, Prediction] = field(default_factory=dict)
    base: Mapping[str, float] = field(default_factory=dict)

    def apply(self, prediction: Prediction, eval_set: str) -> Prediction:
        """The prediction moved and resampled."""
        shift = self.shift.get(eval_set)
        if shift is not None:
            prediction = Prediction(
                prediction.estimate + shift.estimate, prediction.draws + shift.draws
            )
        return self._resampled(prediction)

    def apply_base(self, base: Prediction, eval_set: str) -> Prediction:
        """The base loss: measured where the target run measured it, else the law's draws kept."""
        if eval_set in self.base:
            measured = self.base[eval_set]
            return Prediction(np.array([measured]), np.array([[measured]]))
        return self._resampled(base)

    def _resampled(self, prediction: Prediction) -> Prediction:
        if self.index is None:
            return prediction
        return Prediction(prediction.estimate, prediction.draws[self.index])


def calibrated(question: "Question", runs: Any) -> "Question":
    """The question with draws recalibrated by rows of the target run.

    Args:
        question: the target; its size must be that of the rows.
        runs: path of a runs table, or the table; rows with tokens = 0 are the base.

    Raises:
        DataError: the table has no rows of the fit's domain or general loss, or of another size.
    """
    from mixlaw.runs import read_runs, validate_runs

    frame = validate_runs(runs) if hasattr(runs, "columns") else read_runs(runs)
    frame = frame[frame["flag"] == ""]
    fit = question.fit
    rows = frame[frame["eval_set"].isin([fit.domain_set, fit.general_set])]
    if rows.empty or not (rows["tokens"] > 0).any():
        raise DataError(
            f"The observed run has no rows after tokens = 0 for '{fit.domain_set}' or "
            f"'{fit.general_set}'; these are the eval sets of the fit."
        )
    sizes = sorted(set(rows["n_params"]))
    if len(sizes) > 1 or abs(sizes[0] / question.n_params - 1) > 0.05:
        raise DataError(
            f"The observed rows have {sizes[0]:.4g} parameters and the target "
            f"{question.n_params:.4g}; --observed takes rows of the target run itself."
        )
    groups = {str(name): group for name, group in rows.groupby("eval_set")}
    base = {
        name: float(group.loc[group["tokens"] == 0, "loss"].mean())
        for name, group in groups.items()
        if (group["tokens"] == 0).any()
    }
    if question.base_general_loss is not None:
        base.setdefault(fit.general_set, question.base_general_loss)
    if question.reference == "base" and fit.general_set in groups and fit.general_set not in base:
        raise DataError(
            "The observed rows do not hold the base's general loss (tokens = 0), without which "
            "their rise is unknown; add that row or give --base-general-loss."
        )
    differences = {
        name: _difference(question, name, group[group["tokens"] > 0])
        for name, group in groups.items()
        if (group["tokens"] > 0).any()
    }
    shift = {
        name: Prediction(d.estimate.mean(keepdims=True), d.draws.mean(axis=1, keepdims=True))
        for name, d in differences.items()
    }
    misfits = [
        np.sum((d.draws - shift[name].draws) ** 2, axis=1)
        / (2 * max(question.noise(name), 1e-4) ** 2)
        for name, d in differences.items()
    ]
    return replace(
        question, calibration=Calibration(_resample(np.sum(misfits, axis=0)), shift, base)
    )


def _difference(question: "Question", eval_set: str, rows: Any) -> Prediction:
    shares = {c: rows[f"share.{c}"].to_numpy(float) for c in question.fit.corpora}
    predicted = question.fit.predict(
        eval_set, question.n_params, rows["tokens"].to_numpy(float), shares, carry_size=True
    )
    loss = rows["loss"].to_numpy(float)
    return Prediction(loss - predicted.estimate, loss - predicted.draws)


def _resample(misfit: Array) -> NDArray[np.intp]:
    """Systematic resampling of as many draws as there are, by weight exp(-misfit)."""
    weight = np.exp(-(misfit - misfit.min()))
    edges = np.cumsum(weight) / weight.sum()
    places = (np.arange(len(misfit)) + 0.5) / len(misfit)
    return np.minimum(np.searchsorted(edges, places), len(misfit) - 1)
