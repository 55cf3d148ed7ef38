"""Losses of any rows: a table of sizes, tokens and mixtures in, the same with predictions out.

Draw k is the same resampled sweep in every row, so rows can be ranked draw by draw.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixlaw import laws
from mixlaw.errors import DataError, unknown_name
from mixlaw.result.given_base import KnownLoss, given_base
from mixlaw.result.predict import out_of_budget, predict, predict_base
from mixlaw.result.row_flags import (
    BASE_MISSING,
    NOT_IDENTIFIED,
    UNUSED_BASE_LOSS,
    Flag,
    Rows,
    distance_flags,
)
from mixlaw.result.row_table import rows_of
from mixlaw.result.types import Array, FitRecord, Prediction

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "mixlaw.predictions/1"
#: Rows that are predicted at once, which bounds memory: each takes some floats for every draw and
#: law. Conventional.
_AT_ONCE = 2000

Mask = NDArray[np.bool_]
#: Predicts the rows that it is given.
_Way = Callable[[Rows], Prediction]


def predict_rows(fit: FitRecord, frame: "pd.DataFrame", rank: str | None = None) -> "pd.DataFrame":
    """See ``FitResult.predict``."""
    if rank is not None:
        fit.members(rank)
    expanded = _by_eval_set(fit, frame, rank)
    rows = rows_of(fit, expanded)
    of_set = expanded["eval_set"].to_numpy()
    ends = np.full((3, len(expanded)), np.nan)
    flags: list[tuple[Flag, ...]] = [()] * len(expanded)
    ranked: list[Array] = []
    for eval_set in dict.fromkeys(of_set):
        for at in _chunks(np.flatnonzero(of_set == eval_set)):
            prediction, flagged = _predicted(fit, eval_set, rows.take(at))
            ends[:, at] = _ends(prediction)
            for i, of_row in zip(at, flagged, strict=True):
                flags[i] = of_row
            if eval_set == rank:
                ranked.append(prediction.draws)
    estimate, low, high = ends
    result = expanded.assign(estimate=estimate, low=low, high=high)
    result["flags"] = np.fromiter(flags, dtype=object, count=len(flags))
    return result if rank is None else _ranked(result, rank, np.hstack(ranked))


def document(predicted: "pd.DataFrame") -> dict[str, Any]:
    """``mixlaw.predictions/1``: see ``predictions.schema.json``."""
    records = predicted.to_dict(orient="records")
    return {"schema": SCHEMA, "rows": [_plain_record(record) for record in records]}


def _plain_record(record: dict[Any, Any]) -> dict[str, Any]:
    return {str(name): _plain(value) for name, value in record.items()}


def _plain(value: Any) -> Any:
    """Plain JSON: what is missing or not finite is null, flags are objects, the rest is text."""
    if isinstance(value, tuple):
        return [_flag(flag) if isinstance(flag, Flag) else str(flag) for flag in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return str(value)


def _flag(flag: Flag) -> dict[str, Any]:
    about = {"corpus": flag.corpus} if flag.corpus else {}
    return {"code": flag.code, "distance": flag.distance, **about}


def _by_eval_set(fit: FitRecord, frame: "pd.DataFrame", rank: str | None) -> "pd.DataFrame":
    """The rows with an eval set each: their own, else that which is ranked, else one row of each.

    Raises:
        DataError: there is no row, no row of the ranked eval set, or an eval set was not fitted.
    """
    if len(frame) == 0:
        raise DataError("There are no rows to predict; give one per size, budget and mixture.")
    if "eval_set" not in frame.columns:
        names = fit.eval_sets if rank is None else (rank,)
        repeated = frame.iloc[np.repeat(np.arange(len(frame)), len(names))]
        return repeated.assign(eval_set=list(names) * len(frame))
    present = list(dict.fromkeys(frame["eval_set"]))
    unknown = [name for name in present if name not in fit.eval_sets]
    if unknown:
        raise DataError(unknown_name("fitted eval set", str(unknown[0]), fit.eval_sets))
    if rank is not None and rank not in present:
        raise DataError(f"No row has the eval set '{rank}', so there is nothing to rank by it.")
    return frame.copy()


def _chunks(at: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (at[first : first + _AT_ONCE] for first in range(0, len(at), _AT_ONCE))


def _predicted(
    fit: FitRecord, eval_set: str, rows: Rows
) -> tuple[Prediction, list[tuple[Flag, ...]]]:
    """Losses of rows of one eval set, nan where the fit cannot say; and the flags of each."""
    n = len(rows.tokens)
    members, base = fit.members(eval_set), fit.base_stack.get(eval_set, ())
    n_draws = min(len(member.draws) for member in (*members, *base))
    estimate, draws = np.full(n, np.nan), np.full((n_draws, n), np.nan)
    for mask, way in _ways(fit, eval_set, rows):
        if mask.any():
            prediction = way(rows.take(mask))
            estimate[mask], draws[:, mask] = prediction.estimate, prediction.draws[:n_draws]
    # Powers of a share that no law was fitted to may be infinite.
    unknown = ~(np.isfinite(estimate) & np.isfinite(draws).all(axis=0))
    estimate[unknown], draws[:, unknown] = np.nan, np.nan
    reasons = _reasons(fit, eval_set, rows, unknown)
    flags = [
        (*(Flag(code) for code, mask in reasons if mask[i]), *far)
        for i, far in enumerate(distance_flags(fit, eval_set, rows))
    ]
    return Prediction(estimate, draws), flags


def _reasons(
    fit: FitRecord, eval_set: str, rows: Rows, unknown: Mask
) -> tuple[tuple[str, Mask], ...]:
    """Codes of flags that say why a loss or an input counts for nothing, and whose rows' they are.

    ``unknown`` are the rows without a loss.
    """
    no_base = _unknown_base(fit, eval_set, rows)
    unused = _trained(rows) & _given(rows) & (_base_use(fit, eval_set) == "none")
    return (
        (NOT_IDENTIFIED, unknown & ~no_base),
        (BASE_MISSING, no_base),
        (UNUSED_BASE_LOSS, unused),
    )


def _ways(fit: FitRecord, eval_set: str, rows: Rows) -> Iterator[tuple[Mask, _Way]]:
    """Which rows are predicted in which way; those in none cannot be predicted."""

    def law(some: Rows, base_loss: Array | None = None) -> Prediction:
        of = (some.n_params, some.tokens, some.shares)
        return predict(fit, eval_set, *of, base_loss, None, carry_size=True, assuming=some.training)

    def base(some: Rows) -> Prediction:
        return predict_base(fit, eval_set, some.n_params, carry_size=True)

    def measured(some: Rows) -> Prediction:
        return Prediction(some.base_loss, some.base_loss[None, :])

    def moved(some: Rows) -> Prediction:
        """The law's loss, given the measured base loss."""
        return given_base(law(some), base(some), KnownLoss(some.base_loss))

    given, known = _given(rows), ~_unknown_base(fit, eval_set, rows)
    trained = _trained(rows) & ~out_of_budget(fit.members(eval_set), rows.tokens)
    yield ~_trained(rows) & given, measured
    yield ~_trained(rows) & ~given & known, base
    yield trained & ~given & known, law
    with_base: dict[str, _Way] = {
        "input": lambda some: law(some, some.base_loss),
        "level": moved,
        "none": law,
    }
    yield trained & given, with_base[_base_use(fit, eval_set)]


def _trained(rows: Rows) -> Mask:
    return rows.tokens > 0


def _given(rows: Rows) -> Mask:
    return np.isfinite(rows.base_loss)


def _starts_from_base(fit: FitRecord, eval_set: str) -> Sequence[bool]:
    """Of every law, whether it starts from the base loss."""
    return [_needs_base(member.law) for member in fit.members(eval_set)]


def _needs_base(law: str) -> bool:
    return "L0" in laws.load(law).inputs


def _base_use(fit: FitRecord, eval_set: str) -> str:
    """What a given base loss does: ``input`` of the laws, ``level`` of the loss, or ``none``."""
    starts = _starts_from_base(fit, eval_set)
    if fit.base_stack.get(eval_set) and not all(starts):
        return "level"
    return "input" if any(starts) else "none"


def _unknown_base(fit: FitRecord, eval_set: str, rows: Rows) -> Mask:
    """Rows whose loss needs a base loss that is neither given nor fitted."""
    if fit.base_stack.get(eval_set):
        return np.zeros(len(rows.tokens), dtype=bool)
    needed = ~_trained(rows) | any(_starts_from_base(fit, eval_set))
    return np.asarray(needed & ~_given(rows))


def _ends(prediction: Prediction) -> Array:
    """Estimate and ends of the interval, which holds the estimate; shape (3, n)."""
    low, high = prediction.interval()
    estimate = prediction.estimate
    return np.stack([estimate, np.minimum(low, estimate), np.maximum(high, estimate)])


def _ranked(result: "pd.DataFrame", rank: str, draws: Array) -> "pd.DataFrame":
    """With ``regret`` and ``p_best`` of the rows of one eval set, the best of them first.

    Rows that are best together in a draw share that draw.
    """
    at = np.flatnonzero(result["eval_set"].to_numpy() == rank)
    known = np.isfinite(draws[0])
    if not known.any():
        raise DataError(
            f"The fit can predict '{rank}' at none of these rows, so they cannot be ranked; "
            "without --rank the flags of every row say why."
        )
    over = draws[:, known] - draws[:, known].min(axis=1, keepdims=True)
    best = over == 0
    columns = np.full((2, len(result)), np.nan)
    columns[0, at[known]] = over.mean(axis=0)
    columns[1, at[known]] = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    result = result.assign(regret=columns[0], p_best=columns[1])
    return result.iloc[np.argsort(columns[0], kind="stable")]
