"""What the losses of a table are losses of: definitions that one fit takes one value of.

A definition is a column whose values are steps in the loss that no law describes: how a loss is
measured, and how the runs were trained. The peak learning rate may follow the size, so of that one
value at each size is one definition.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mixlaw.errors import ConfigError, DataError, unknown_name
from mixlaw.quantities import SAME_LEVEL, format_quantity
from mixlaw.result.inputs import LR_RATIO, training_columns
from mixlaw.runs.conditions import schedule_kind
from mixlaw.runs.views import base_identity

#: Columns of which one fit takes one value.
BY_TABLE = ("schedule", "metric_version", "tokenizer", "recipe")
#: Columns of which it takes one value at each size.
BY_SIZE = ("lr_peak", LR_RATIO)
#: Columns whose values differ only where that is asked for (``mix``).
DEFINITIONS = (*BY_TABLE, *BY_SIZE)


def refuse_mixed(frame: pd.DataFrame, mix: Sequence[str]) -> None:
    """Refuse trained rows of several definitions.

    Args:
        frame: trained rows.
        mix: columns of DEFINITIONS whose values may differ.

    Raises:
        ConfigError: ``mix`` names no definition.
        DataError: a column has several values.
    """
    for column in mix:
        if column not in DEFINITIONS:
            raise ConfigError(unknown_name("definition for --mix", column, DEFINITIONS))
    for column in BY_TABLE:
        if column not in frame.columns or column in mix:
            continue
        values = frame[column].map(schedule_kind) if column == "schedule" else frame[column]
        distinct = sorted(set(values) - {""})
        if len(distinct) > 1:
            raise DataError(
                f"The rows have {len(distinct)} values of '{column}' "
                f"({', '.join(distinct[:3])}), and losses of different definitions are not mixed "
                f"unasked; filter the table (--where {column}={distinct[0]}) or allow it "
                f"(--mix {column})."
            )
    if not set(BY_SIZE) & set(mix):
        _refuse_several_rates(frame)


def _refuse_several_rates(frame: pd.DataFrame) -> None:
    """Refuse two peak learning rates at one size, or two ratios to the base's peak."""
    runs = frame.assign(lr_peak=_peaks(frame)).drop_duplicates("run_id")
    for column in [name for name in BY_SIZE if name in runs.columns]:
        levels = {size: _levels(group[column]) for size, group in runs.groupby("n_params")}
        for size, rates in levels.items():
            if len(rates) < 2:
                continue
            listing = ", ".join(f"{rate:.4g}" for rate in rates[:4])
            # A condition on the column keeps every size only where all sizes have that value.
            everywhere = column in frame and all(rates[0] in others for others in levels.values())
            how = f"--where {column}={rates[0]!r}" if everywhere else "leave the others out"
            raise DataError(
                f"The runs of {format_quantity(float(str(size)))} parameters have {len(rates)} "
                f"values of '{column}' ({listing}), and losses of different definitions are not "
                f"mixed unasked; keep one ({how}) or fit them together (--mix {column})."
            )


def with_lr_ratio(frame: pd.DataFrame, bases: pd.DataFrame) -> pd.DataFrame:
    """Trained rows with ``lr_ratio``: as given, else by the peaks of a run and of its base."""
    ratio = frame.get(LR_RATIO, pd.Series(np.nan, index=frame.index))
    of_base = dict(zip(base_identity(bases), _peaks(bases), strict=True))
    return frame.assign(
        **{LR_RATIO: ratio.fillna(_peaks(frame) / base_identity(frame).map(of_base))}
    )


def training_of_the_largest(frame: pd.DataFrame, corpora: Sequence[str]) -> dict[str, Any]:
    """How the longest runs of the largest size were trained, by the columns of the runs table.

    What a prediction assumes of its target: ``schedule`` (its kind), ``unique_tokens.<corpus>``,
    ``base_tokens`` and ``lr_ratio``, as far as the table tells them; of several values the largest.

    Args:
        frame: trained rows that were fitted, from ``with_lr_ratio``.
        corpora: of the mixture.
    """
    last = frame[frame["n_params"] == frame["n_params"].max()]
    last = last[last["tokens"] == last["tokens"].max()]
    columns = [c for c in training_columns(corpora) if c in last.columns]
    known = {name: float(last[name].max()) for name in columns if last[name].max() > 0}
    kinds = sorted({schedule_kind(s) for s in last.get("schedule", ())} - {""})
    return {**({"schedule": " or ".join(kinds)} if kinds else {}), **known}


def _peaks(frame: pd.DataFrame) -> pd.Series:
    """Peak learning rates, of the schedule where the table has no other; nan where unknown."""
    nowhere = pd.Series(np.nan, index=frame.index)
    peak = frame.get("lr_peak", nowhere)
    if "schedule" not in frame.columns:
        return peak
    of_schedule = {text: _peak(text) for text in frame["schedule"].unique()}
    return peak.fillna(frame["schedule"].map(of_schedule).astype(float))


def _levels(values: pd.Series) -> list[float]:
    """Distinct positive values, the most frequent first; those nearly equal are one."""
    levels: list[float] = []
    for value in values[values > 0].value_counts().index:
        if all(abs(value / level - 1) > SAME_LEVEL for level in levels):
            levels.append(float(value))
    return levels


def _peak(schedule: str) -> float:
    """Peak learning rate of a schedule given as JSON; nan where it has none."""
    try:
        return float(json.loads(schedule)["peak"])
    except (ValueError, KeyError, TypeError):
        return float("nan")
