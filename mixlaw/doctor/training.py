"""Findings about how the runs were trained: schedules, annealing and learning rates."""

import json
from typing import Any

import numpy as np
import pandas as pd

from mixlaw.doctor.finding import Check, Finding, Table, finding
from mixlaw.quantities import SAME_LEVEL, format_quantity

#: Rows below this part of their run's budget are on the way, not at its end.
_AT_END = 0.99

#: Part of the spread of the log learning rate that model size explains, from which the two are
#: confounded; and the smallest ratio between learning rates that counts as different.
_EXPLAINED, _LR_RATIO = 0.5, 1.05


def annealed_mixed(table: Table) -> Finding | None:
    """Some settings have annealed rows, others only rows before annealing."""
    rows = table.trained
    if "annealed" not in rows or not rows["annealed"].any():
        return None
    reached = rows.groupby(["n_params", "mixture", "eval_set"])["annealed"].transform("any")
    if reached.all():
        return None
    cells = rows.loc[~reached, ["n_params", "mixture"]].drop_duplicates()
    return finding(
        "annealed-mixed", "error", rows[~reached],
        f"{len(cells)} settings (size and mixture) have no annealed row, while the others have.",
        "Annealing lowers the loss by more than most ratios do. A law of final loss leaves these "
        "settings out; fitted together, the difference counts as an effect of size or ratio.",
        "Add a decay branch for each of them, or fit a law of trajectories to the rows that are "
        "not annealed.",
    )  # fmt: skip


def decaying_checkpoints(table: Table) -> Finding | None:
    """Checkpoints on the way down a decaying schedule stand for runs of that length."""
    rows = table.trained[_on_the_way(table.trained) & _decaying(table.trained)]
    if rows.empty:
        return None
    set_apart = "annealed" in rows and not rows["annealed"].any()
    return finding(
        "decaying-checkpoints", "warning" if set_apart else "error", rows,
        f"{len(rows)} rows are checkpoints inside a decaying schedule"
        + (", marked as not annealed." if set_apart else " and would count as final losses."),
        "Their learning rate is higher than at the end of a run of that length and lower than on "
        "a constant trunk: the gain from more tokens looks too large to any law without the "
        "schedule.",
        "Use the last row of each run only, or train a constant trunk with decay branches "
        "(arXiv 2405.18392).",
    )  # fmt: skip


def annealed_early(table: Table) -> Finding | None:
    """Rows marked annealed before their run ended, though a run anneals once."""
    rows = table.trained
    if "annealed" not in rows:
        return None
    rows = rows[_on_the_way(rows) & rows["annealed"] & ~_decaying(rows)]
    if rows.empty:
        return None
    return finding(
        "annealed-early", "warning", rows,
        f"{len(rows)} rows are marked annealed before the end of their run.",
        "A run anneals once. If these are checkpoints of one decaying run, they are not runs of "
        "that length; if they are branches, the bootstrap takes them for one run.",
        "Give each decay branch its own run_id, with trunk_id naming the trunk they share.",
    )  # fmt: skip


def schedule_unknown(table: Table) -> Finding | None:
    """Runs with several checkpoints whose schedule the table does not tell."""
    rows = table.trained
    if "annealed" in rows or rows.empty:
        return None
    unknown = rows if "schedule" not in rows else rows[~rows["schedule"].map(_parsed).map(bool)]
    several = unknown.groupby("run_id")["tokens"].transform("nunique") > 1
    if not several.any():
        return None
    return finding(
        "schedule-unknown", "note", unknown[several],
        f"{unknown.loc[several, 'run_id'].nunique()} runs have several checkpoints, and neither "
        "annealed nor schedule says whether the learning rate was decaying.",
        "If it was, these checkpoints are not runs of that length, and the gain from more tokens "
        "looks too large.",
        "Add the columns annealed and schedule, or keep the last row of each run.",
    )  # fmt: skip


def lr_confounded(table: Table) -> Finding | None:
    """The learning rate changes with size and no lr_rule says by which rule."""
    rows = table.trained
    if "lr_peak" not in rows:
        return None
    rows = rows[np.isfinite(rows["lr_peak"]) & (rows["lr_peak"] > 0)]
    if "lr_rule" in rows:
        rows = rows[rows["lr_rule"] == ""]
    rates = np.log(rows.drop_duplicates("run_id").set_index("n_params")["lr_peak"])
    by_size = rates.groupby(level=0).mean()
    if len(by_size) < 2 or by_size.max() - by_size.min() < np.log(_LR_RATIO):
        return None
    left = rates - rates.groupby(level=0).transform("mean")
    explained = 1 - float(left.var(ddof=0) / rates.var(ddof=0))
    if explained < _EXPLAINED:
        return None
    listing = ", ".join(
        f"{format_quantity(float(n))}: {np.exp(rate):.2g}" for n, rate in by_size.items()
    )
    return finding(
        "lr-confounded", "warning", rows,
        f"The peak learning rate differs between sizes ({listing}) and lr_rule is empty.",
        "An effect of size may be a mistuned learning rate; extrapolation in size inherits it.",
        "State the rule in lr_rule (for example 'mup', or 'lr ~ 1/width'), or rerun one size at "
        "another learning rate.",
    )  # fmt: skip


def learning_rates_mixed(table: Table) -> Finding | None:
    """Runs of one size were trained at several peak learning rates."""
    rows = table.trained
    if "lr_peak" not in rows:
        return None
    peak = rows["lr_peak"].where(rows["lr_peak"] > 0).groupby(rows["n_params"])
    several = peak.transform("max") > (1 + SAME_LEVEL) * peak.transform("min")
    if not several.any():
        return None
    sizes = ", ".join(map(format_quantity, sorted(rows.loc[several, "n_params"].unique())))
    return finding(
        "learning-rates-mixed", "error", rows[several],
        f"Runs of one size ({sizes}) have several peak learning rates.",
        "The peak moves the loss by as much as most ratios do, and no law but one of the learning "
        "rate tells it from an effect of the ratio.",
        "Keep one (--where lr_peak=VALUE), or fit them together knowingly (--mix lr_peak).",
    )  # fmt: skip


def _on_the_way(rows: pd.DataFrame) -> pd.Series:
    """Whether a row lies before the end of its run, or of its budget where that is given."""
    end = rows.groupby("run_id")["tokens"].transform("max")
    if "token_budget" in rows:
        end = rows["token_budget"].fillna(end)
    return rows["tokens"] < _AT_END * end


def _decaying(rows: pd.DataFrame) -> pd.Series:
    """Whether the learning rate was already falling, and not yet final, at each row."""
    if "schedule" not in rows:
        return pd.Series(False, index=rows.index)
    starts = {text: _decay_start(text) for text in rows["schedule"].unique()}
    return rows["tokens"] > rows["schedule"].map(starts).astype(float)


def _decay_start(text: str) -> float:
    """Tokens from which this schedule decays; infinite if it does not or does not say."""
    schedule = _parsed(text)
    final, peak = schedule.get("final", 0.0), schedule.get("peak", np.inf)
    if not isinstance(final, int | float) or not isinstance(peak, int | float) or final >= peak:
        return np.inf
    kind = schedule.get("kind")
    start = schedule.get("decay_start_tokens", 0.0 if kind in ("cosine", "linear") else np.inf)
    decays = kind in ("cosine", "linear", "wsd") and isinstance(start, int | float)
    return float(start) if decays else np.inf


def _parsed(text: str) -> dict[str, Any]:
    """The schedule of a cell; empty where there is none or it is not a JSON object."""
    try:
        value = json.loads(text) if text else {}
    except (json.JSONDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


CHECKS: tuple[Check, ...] = (
    annealed_mixed, decaying_checkpoints, annealed_early, lr_confounded, schedule_unknown,
    learning_rates_mixed,
)  # fmt: skip
