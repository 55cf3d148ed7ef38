"""The columns of rows to predict, checked and as arrays."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import DataError, unknown_name
from mixlaw.mixture import SUM_TOLERANCE
from mixlaw.result.inputs import training_columns
from mixlaw.result.row_flags import Rows
from mixlaw.result.training import input_of
from mixlaw.result.types import Array, FitRecord

if TYPE_CHECKING:
    import pandas as pd

SHARE = "share."
#: No count of parameters or tokens is larger, as in runs tables.
_MOST = 1e30


def rows_of(fit: FitRecord, frame: "pd.DataFrame") -> Rows:
    """Settings of a table's rows.

    Raises:
        DataError: a column is missing, a cell is no number or out of its range, shares do not sum
            to one, or a corpus is not in the fit.
    """
    missing = [name for name in ("n_params", "tokens") if name not in frame.columns]
    if missing:
        raise DataError(
            f"The rows lack the column(s) {', '.join(missing)}; rows to predict need n_params, "
            f"tokens{''.join(f', {SHARE}{corpus}' for corpus in fit.corpora)}."
        )
    n_params, tokens = _numbers(frame, "n_params"), _numbers(frame, "tokens")
    _check(n_params, (n_params > 0) & (n_params <= _MOST), "n_params", "a positive count")
    _check(tokens, (tokens >= 0) & (tokens <= _MOST), "tokens", "a count, 0 for the base")
    nothing = np.full(len(frame), np.nan)
    base_loss = _numbers(frame, "base_loss") if "base_loss" in frame.columns else nothing
    unused = np.isnan(base_loss)
    _check(base_loss, unused | ((base_loss > 0) & (base_loss < np.inf)), "base_loss", "positive")
    return Rows(n_params, tokens, _shares(fit, frame, tokens), base_loss, _training(fit, frame))


def _training(fit: FitRecord, frame: "pd.DataFrame") -> dict[str, Array]:
    """How rows are trained: as their cells say, else, where a law reads it, as the fit assumes."""
    training = {}
    for name in training_columns(fit.corpora):
        values = np.full(len(frame), np.nan)
        if name in frame.columns:
            values = _numbers(frame, name)
            _check(values, np.isnan(values) | (values > 0), name, "a positive number")
        if name in fit.assumes and fit.reads(input_of(name)):
            values = np.where(np.isnan(values), fit.assumes[name], values)
        training[name] = values
    return {name: values for name, values in training.items() if not np.isnan(values).all()}


def _shares(fit: FitRecord, frame: "pd.DataFrame", tokens: Array) -> Mapping[str, Array]:
    """Shares by corpus, renormalised; nan for rows of the base, which nobody trained."""
    if not fit.corpora:
        return {}
    given = [str(name) for name in frame.columns if str(name).startswith(SHARE)]
    if not given and "domain_ratio" in frame.columns:
        shares = _of_ratio(fit, _numbers(frame, "domain_ratio"))
    else:
        shares = _of_columns(fit, frame, given)
    trained = tokens > 0
    values = np.stack(list(shares.values()))
    total = values.sum(axis=0)
    right = ((values >= 0) & (values <= 1)).all(axis=0) & (np.abs(total - 1) <= SUM_TOLERANCE)
    bad = np.flatnonzero(trained & ~right)
    if len(bad):
        listing = ", ".join(f"{corpus} {share[bad[0]]:.4g}" for corpus, share in shares.items())
        raise DataError(
            f"Row {bad[0] + 1}: the shares {listing} must lie in 0..1 and sum to 1 within "
            f"{SUM_TOLERANCE:g}."
        )
    exact = np.divide(values, total, out=np.full(values.shape, np.nan), where=trained)
    return {corpus: exact[list(shares).index(corpus)] for corpus in fit.corpora}


def _of_ratio(fit: FitRecord, ratio: Array) -> dict[str, Array]:
    """Shares of one domain and one general corpus."""
    others = [corpus for corpus in fit.corpora if corpus not in fit.domain_corpora]
    if len(fit.domain_corpora) != 1 or len(others) != 1:
        raise DataError(
            "domain_ratio is the share of one domain corpus beside one other, and this fit has "
            f"{', '.join(fit.corpora)}; give "
            f"{', '.join(SHARE + corpus for corpus in fit.corpora)} instead."
        )
    return {fit.domain_corpora[0]: ratio, others[0]: 1 - ratio}


def _of_columns(fit: FitRecord, frame: "pd.DataFrame", given: list[str]) -> dict[str, Array]:
    missing = [SHARE + corpus for corpus in fit.corpora if SHARE + corpus not in given]
    if missing:
        raise DataError(
            f"The rows lack the column(s) {', '.join(missing)}; give the share of every corpus of "
            f"the fit ({', '.join(fit.corpora)})."
        )
    unknown = [name for name in given if name.removeprefix(SHARE) not in fit.corpora]
    if unknown:
        raise DataError(
            unknown_name("corpus in this fit", unknown[0].removeprefix(SHARE), fit.corpora)
        )
    return {name.removeprefix(SHARE): _numbers(frame, name) for name in given}


def _numbers(frame: "pd.DataFrame", name: str) -> Array:
    """A column as float64, nan where a cell is empty."""
    import pandas as pd

    column = frame[name]
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = np.flatnonzero(np.isnan(values) & column.notna().to_numpy())
    if len(bad):
        raise DataError(
            f"Row {bad[0] + 1}: '{str(column.iloc[bad[0]])[:40]}' in column '{name}' is not a "
            "number; write plain ones, such as 7e7 or 0.3."
        )
    return values


def _check(values: Array, right: NDArray[np.bool_], name: str, rule: str) -> None:
    bad = np.flatnonzero(~right)
    if len(bad):
        raise DataError(f"Row {bad[0] + 1}: {name} is {values[bad[0]]:g}, but must be {rule}.")
