"""The first rows of the target run recalibrate the draws.

A law carried far from its data is mostly wrong in its level, less in its shape. Rows of the target
run itself, be it of its first few percent, measure that level. For every draw k and eval set

    shift_k  = mean over the observed rows of (observed - predicted_k)
    weight_k ∝ exp(-Σ rows ((observed - predicted_k) - shift_k)² / (2 σ²)),

σ being the residual standard deviation of the fit: the shift moves each draw onto the run, the
weight keeps the draws whose *shape* agrees with it. The draws are then resampled by weight
(systematically, so the answer does not depend on a seed).

Rows must be of the kind that the laws describe: a run in the middle of its schedule has not had
the fall of its loss that the decay brings, so its level says nothing to a law of annealed losses.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixlaw import laws
from mixlaw.errors import DataError
from mixlaw.recommend.calibration import Calibration
from mixlaw.recommend.question import Question
from mixlaw.recommend.tokenizer import bytes_per_token, is_foreign
from mixlaw.result.given_base import KnownLoss
from mixlaw.result.types import Prediction
from mixlaw.roles import Roles

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

#: Counts of one model's parameters may differ this much by convention (biases, norms).
SAME_MODEL = 0.05


def calibrated(question: Question, runs: Any) -> Question:
    """The question with draws recalibrated by rows of the target run.

    Args:
        question: the target; its size must be that of the rows.
        runs: path of a runs table, or the table; rows with tokens = 0 are the base.

    Raises:
        DataError: the table has no rows of the fit's domain or general loss, or rows of another
            size, or only rows that are annealed where the laws describe trunks, or the reverse.
    """
    frame = _of_the_same_kind(question, _read(runs))
    question = replace(question, base_tokenizer=_tokenizer(question, frame))
    groups = {str(name): rows for name, rows in _target_rows(question, frame).groupby("eval_set")}
    question = replace(question, base_losses=_bases(question, groups))
    differences = {
        name: _difference(question, name, rows[rows["tokens"] > 0])
        for name, rows in groups.items()
        if (rows["tokens"] > 0).any()
    }
    shift = {
        name: Prediction(d.estimate.mean(keepdims=True), d.draws.mean(axis=1, keepdims=True))
        for name, d in differences.items()
    }
    misfits = [
        0.5 * np.sum(((d.draws - shift[name].draws) / max(question.noise(name), 1e-4)) ** 2, axis=1)
        for name, d in differences.items()
    ]
    kept = _resample(np.sum(misfits, axis=0))
    return replace(question, calibration=Calibration(kept, shift, "annealed" in frame))


def _read(runs: Any) -> "pd.DataFrame":
    from mixlaw.runs.table import read_runs, validate_runs

    frame = validate_runs(runs) if hasattr(runs, "columns") else read_runs(runs)
    return frame[frame["flag"] == ""]


def _of_the_same_kind(question: Question, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Base rows, and the rows that are annealed if the laws describe annealed losses, or trunks."""
    if "annealed" not in frame:
        return frame
    fit = question.fit
    members = [member for name in fit.eval_sets for member in fit.members(name)]
    trunks = any(laws.load(member.law).takes == "trunk" for member in members)
    start, right = frame["tokens"] == 0, frame["annealed"] != trunks
    if not (right | start).all() and not (right & ~start).any():
        have, want = ("annealed", "trunk") if trunks else ("trunk", "annealed")
        raise DataError(
            f"The observed rows are {have} rows, and the fit describes {want} rows, whose losses "
            f"are not comparable; {_remedy(trunks)}, or drop the column 'annealed' to use them as "
            "given."
        )
    return frame[start | right]


def _remedy(trunks: bool) -> str:
    if trunks:
        return "observe the run before its learning rate decays"
    return "decay a short branch of the target run, or fit a law of trunks (--law cmr or hump)"


def _tokenizer(question: Question, frame: "pd.DataFrame") -> str | None:
    """What the target's losses were measured with: as the rows say, else as given."""
    if "tokenizer" not in frame or not question.fit.about.get("tokenizers"):
        return question.base_tokenizer
    named = sorted(set(frame["tokenizer"].dropna().astype(str)) - {""})
    if len(named) > 1:
        raise DataError(f"The observed rows have several tokenizers: {', '.join(named)}.")
    return named[0] if named else question.base_tokenizer


def _in_table_tokens(question: Question, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Losses per token of the fitted table, through bits per byte where the tokenizers differ."""
    if not is_foreign(question.fit, question.base_tokenizer):
        return frame
    what = f"The observed run, whose tokenizer is '{question.base_tokenizer}',"
    if "bpb" not in frame or not (frame["bpb"] > 0).all():
        raise DataError(f"{what} compares in bits per byte, and its rows lack bpb; add the column.")
    unit = {name: bytes_per_token(question.fit, name, what) for name in set(frame["eval_set"])}
    return frame.assign(loss=frame["bpb"] * np.log(2) * frame["eval_set"].map(unit))


def _target_rows(question: Question, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Rows of the fit's domain and general loss, all of them of the target's size."""
    from mixlaw.runs.views import with_general_loss

    roles = Roles.parse(question.fit.domain_set, question.fit.general_set)
    wanted = {roles.domain_set, *roles.general_sets}
    frame = _in_table_tokens(question, frame[frame["eval_set"].isin(wanted)])
    frame = with_general_loss(frame, roles, Counter())
    names = [question.fit.domain_set, question.fit.general_set]
    rows = frame[frame["eval_set"].isin(names)]
    if not (rows["tokens"] > 0).any():
        raise DataError(
            f"The observed run has no rows after tokens = 0 for '{names[0]}' or '{names[1]}'; "
            "these are the eval sets of the fit."
        )
    sizes = sorted(set(rows["n_params"]))
    if len(sizes) > 1 or abs(sizes[0] / question.n_params - 1) > SAME_MODEL:
        raise DataError(
            f"The observed rows have {sizes[0]:.4g} parameters and the target "
            f"{question.n_params:.4g}; --observed takes rows of the target run itself."
        )
    return rows


def _bases(question: Question, groups: "Mapping[str, pd.DataFrame]") -> dict[str, KnownLoss]:
    """Base losses that the target run measured, or else were given."""
    starts = {name: rows[rows["tokens"] == 0] for name, rows in groups.items()}
    measured = {name: _mean(rows) for name, rows in starts.items() if len(rows)}
    base = {**question.base_losses, **measured}
    general = question.fit.general_set
    if question.reference == "base" and general in groups and general not in base:
        raise DataError(
            "The observed rows do not hold the base's general loss (tokens = 0), without which "
            "their rise is unknown; add that row or give --base-general-loss."
        )
    return base


def _mean(rows: "pd.DataFrame") -> KnownLoss:
    """Mean loss, with the standard error that the rows give for their evaluation."""
    spread = rows["loss_se"].fillna(0.0).to_numpy(float) if "loss_se" in rows else np.zeros(1)
    error = np.sqrt(np.sum(spread**2)) / len(rows)
    return KnownLoss(float(rows["loss"].mean()), float(error))


def _difference(question: Question, eval_set: str, rows: Any) -> Prediction:
    shares = {c: rows[f"share.{c}"].to_numpy(float) for c in question.fit.corpora}
    predicted = question.from_base(eval_set, rows["tokens"].to_numpy(float), shares, None)
    loss = rows["loss"].to_numpy(float)
    return Prediction(loss - predicted.estimate, loss - predicted.draws)


def _resample(misfit: Array) -> NDArray[np.intp]:
    """Systematic resampling of as many draws as there are, by weight exp(-misfit)."""
    weight = np.exp(-(misfit - misfit.min()))
    edges = np.cumsum(weight) / weight.sum()
    places = (np.arange(len(misfit)) + 0.5) / len(misfit)
    return np.minimum(np.searchsorted(edges, places), len(misfit) - 1)
