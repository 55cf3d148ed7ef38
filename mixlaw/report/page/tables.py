"""The tables of the page: validation, held-out errors, what would change the answer, the runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from mixlaw.quantities import format_quantity, percent
from mixlaw.recommend.recommendation import Recommendation
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import BASELINE
from mixlaw.runs.table import SHARE, corpora_of

Table = list[tuple[str, ...]]

#: Splits of the held-out errors, in words.
_SPLITS = {
    "largest-size": "largest size",
    "longest-budget": "longest budgets",
    "largest-compute": "most compute",
}
#: Levels of a setting that are written out; of more, the first and the last.
_WRITTEN_OUT = 8


def validation(document: Mapping[str, Any]) -> Table:
    """One row a hidden cell, after the header; empty without any."""
    rows = document.get("rows") or []
    if not rows:
        return []
    header = ("size", "tokens", "predicted", "90% interval", "recommended", "measured", "copied")
    return [header, *(_validation_row(row) for row in rows)]


def _validation_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    predicted = row["predicted"]
    return (
        format_quantity(row["n_params"]),
        format_quantity(row["tokens"]),
        _share(predicted["estimate"]),
        f"{percent(predicted['low'] or 0.0)} to {percent(predicted['high'] or 0.0)}",
        _share(predicted["recommended"]),
        _share(row["measured"]),
        _share(row["baseline"]),
    )


def _share(ratio: float | None) -> str:
    return "none" if ratio is None else percent(ratio)


def errors(fit: FitResult) -> Table:
    """Held-out errors of the law beside the baseline's, after the header; empty without any."""
    rows = [
        (f"{eval_set} loss, {words}", _error(scores[split]), _error(naive.get(split, {})))
        for eval_set, scores in fit.scores.items()
        for naive in [fit.baseline.get(eval_set, {})]
        for split, words in _SPLITS.items()
        if split in scores
    ]
    return [("hidden from the fit", "mixlaw", BASELINE), *rows] if rows else []


def _error(score: Mapping[str, Any]) -> str:
    error = score.get("error")
    return "none" if error is None else f"{100 * error:.2g}%"


def changes(answer: Recommendation) -> Table:
    """What is recommended under other bounds, another risk and the other reference."""
    ratios = answer.would_change.get("ratios", {})
    return [(name, _share(ratio)) for name, ratio in ratios.items()]


def plan(fit: FitResult, frame: pd.DataFrame) -> Table:
    """The corpora and what was run of them, a row each."""
    trained = frame[(frame["tokens"] > 0) & (frame["flag"] == "")]
    rows = [
        (
            f"corpus '{corpus}'",
            f"{'domain' if corpus in fit.domain_corpora else 'general'}; shares "
            f"{_listed(fit.levels.get(f'{SHARE}{corpus}', ()), percent)}{_unique(trained, corpus)}",
        )
        for corpus in corpora_of(frame)
    ]
    bases = frame.loc[frame["tokens"] == 0, "n_params"].nunique()
    rows += [
        ("sizes", f"{_listed(fit.levels['n_params'], format_quantity)} parameters"),
        ("budgets", f"{_listed(fit.levels['tokens'], format_quantity)} tokens"),
        ("runs", str(trained["run_id"].nunique())),
        ("base models", f"measured at {bases} sizes" if bases else "not measured"),
    ]
    if "seed" in trained:
        rows.append(("seeds", str(trained["seed"].nunique())))
    left_out = ", ".join(f"{n} {reason}" for reason, n in fit.rows_left_out.items() if n)
    return [*rows, ("rows left out of the fit", left_out or "none")]


def _listed(levels: Sequence[float], written: Callable[[float], str]) -> str:
    words = list(dict.fromkeys(written(level) for level in levels))
    if len(words) > _WRITTEN_OUT:
        return f"{words[0]} to {words[-1]} ({len(words)} levels)"
    return ", ".join(words)


def _unique(trained: pd.DataFrame, corpus: str) -> str:
    column = f"unique_tokens.{corpus}"
    if column not in trained or trained[column].isna().all():
        return ""
    return f"; {format_quantity(float(trained[column].max()))} distinct tokens"
