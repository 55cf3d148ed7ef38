"""The rows that figures show, beside what the fit says of them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from mixlaw import laws
from mixlaw.errors import DataError
from mixlaw.fit.selection import GivenTable
from mixlaw.result.fit_result import FitResult
from mixlaw.result.inputs import training_columns
from mixlaw.result.training import input_of
from mixlaw.result.types import Array, Prediction
from mixlaw.roles import Roles
from mixlaw.runs.table import SHARE
from mixlaw.runs.views import with_general_loss


def fitted_table(fit: FitResult, runs: Path | None, say: Callable[[str], None]) -> pd.DataFrame:
    """The validated runs table that a fit was made from.

    Args:
        fit: the fit.
        runs: where the table lies; None for where it lay then.
        say: called with a sentence if it is not the one that was fitted, byte for byte.

    Raises:
        DataError: there is no such table, or it has no rows of the fitted eval sets.
    """
    runs = runs or Path(str(fit.about.get("source") or ""))
    if not runs.is_file():
        raise DataError(f"The runs table of this fit is not at '{runs}'; give it with --runs.")
    table = GivenTable.of(runs)
    if measured(fit, table.frame).empty:
        raise DataError(
            f"'{runs}' has no rows of {', '.join(fit.eval_sets)}; give the fit's table."
        )
    # A fit of a table in memory has no file to compare with.
    if fit.about.get("source") and table.sha256 != fit.about.get("data_sha256"):
        say(
            f"'{runs}' is not the table that this fit was made from, or has changed since: the "
            "points are its rows, the curves are the fit's."
        )
    return table.frame


def measured(fit: FitResult, frame: pd.DataFrame) -> pd.DataFrame:
    """Unflagged CPT rows of the fitted eval sets that the fit can predict.

    Args:
        fit: the fit.
        frame: the validated runs table that it was made from.

    Returns:
        The rows with the columns ``domain_ratio``, ``predicted``, ``low`` and ``high`` (90%
        interval, nats per token) added, and ``fitted``: false where the law was not fitted to
        this ratio; ordered by eval set, size, ratio and tokens.
    """
    roles = Roles.parse(general_set=fit.general_set)
    rows = with_general_loss(frame[(frame["flag"] == "") & (frame["tokens"] > 0)], roles, Counter())
    rows = rows[rows["eval_set"].isin(fit.eval_sets)]
    if "annealed" in rows.columns:
        rows = rows[rows["annealed"] != _describes_trunks(fit)]
    shares = [f"{SHARE}{corpus}" for corpus in fit.domain_corpora]
    rows = rows.assign(domain_ratio=rows[shares].sum(axis=1).round(6))
    rows = rows.sort_values(["eval_set", "n_params", "domain_ratio", "tokens"])
    parts = [_with_prediction(fit, str(name), part) for name, part in rows.groupby("eval_set")]
    return pd.concat(parts, ignore_index=True)


def predict_like(fit: FitResult, row: pd.Series, tokens: Array) -> Prediction:
    """The loss of one measured row's eval set, size and mixture at other token counts, (n,)."""
    shares = {corpus: float(row[f"{SHARE}{corpus}"]) for corpus in fit.corpora}
    at = row["eval_set"], row["n_params"], tokens, shares
    return fit.predict(*at, carry_size=True, assuming=_training(fit, row))


def _with_prediction(fit: FitResult, eval_set: str, rows: pd.DataFrame) -> pd.DataFrame:
    shares = {corpus: rows[f"{SHARE}{corpus}"].to_numpy(dtype=float) for corpus in fit.corpora}
    n_params, tokens = (rows[name].to_numpy(dtype=float) for name in ("n_params", "tokens"))
    of = eval_set, n_params, tokens, shares
    prediction = fit.predict(*of, carry_size=True, assuming=_training(fit, rows))
    low, high = prediction.interval(0.9)
    first, last = fit.ratio_ranges.get(eval_set, (0.0, 1.0))
    fitted = rows["domain_ratio"].between(first - 1e-6, last + 1e-6)
    rows = rows.assign(predicted=prediction.estimate, low=low, high=high, fitted=fitted)
    return rows.dropna(subset="predicted")


def _training(fit: FitResult, rows: pd.DataFrame | pd.Series) -> dict[str, Any]:
    """How rows (or one) were trained, as far as laws read it."""
    columns = [c for c in training_columns(fit.corpora) if c in rows and fit.reads(input_of(c))]
    return {name: rows[name] for name in columns}


def _describes_trunks(fit: FitResult) -> bool:
    """Whether the fitted laws describe trunks at constant learning rate (else annealed ends)."""
    members = fit.members(fit.eval_sets[0])
    return laws.load(members[0].law).takes == "trunk"
