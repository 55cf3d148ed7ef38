"""Views of a runs table: some of its rows, its trunks and bases, its weighted general loss."""

import json
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from mixlaw.errors import DataError, unknown_name
from mixlaw.roles import Roles


def only_where(frame: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """The rows with these values; base rows were trained by nobody here and stay.

    Raises:
        DataError: there is no such column, or no row is left.
    """
    for column, wanted in where.items():
        if column not in frame.columns:
            raise DataError(unknown_name("column in this table", column, frame.columns))
        values = frame[column].map(schedule_kind) if column == "schedule" else frame[column]
        same = values.map(lambda value, wanted=wanted: _equal(value, wanted))
        if not (same & (frame["tokens"] > 0)).any():
            raise DataError(f"No row has {column} = '{wanted}'; nothing is left to fit.")
        frame = frame[same | (frame["tokens"] == 0)]
    return frame


def _equal(value: object, text: str) -> bool:
    """Whether a cell is what a person wrote: 0, 0.0 and 0e0 are one number."""
    try:
        return float(str(value)) == float(text)
    except ValueError:
        return str(value).lower() == text.lower()


def with_general_loss(frame: pd.DataFrame, roles: Roles, left_out: Counter[str]) -> pd.DataFrame:
    """Several general sets become rows of one: their weighted loss per (run, tokens)."""
    if len(roles.general_sets) == 1:
        return frame
    missing = sorted(set(roles.general_sets) - set(frame["eval_set"]))
    if missing:
        raise DataError(unknown_name("eval set", missing[0], set(frame["eval_set"])))
    parts = frame[frame["eval_set"].isin(roles.general_sets)]
    weight = parts["eval_set"].map(dict(roles.general_sets))
    se = parts["loss_se"] if "loss_se" in parts else pd.Series(np.nan, index=parts.index)
    parts = parts.assign(loss=weight * parts["loss"], loss_se=(weight * se) ** 2)
    groups = parts.groupby(["run_id", "tokens"], sort=False)
    whole = groups["loss"].transform("size") == len(roles.general_sets)
    left_out["one of the general losses is missing"] += int((~whole).sum())
    parts = parts[whole]
    groups = parts.groupby(["run_id", "tokens"], sort=False)
    combined = groups.head(1).drop(columns=["loss", "loss_se"]).assign(eval_set=roles.general_set)
    sums = groups[["loss", "loss_se"]].sum(min_count=1).reset_index()
    sums["loss_se"] = np.sqrt(sums["loss_se"])
    return pd.concat([frame, combined.merge(sums, on=["run_id", "tokens"])], ignore_index=True)


def schedule_kind(schedule: str) -> str:
    """Kind of a schedule given as JSON; other text stands for itself."""
    try:
        return str(json.loads(schedule)["kind"])
    except (ValueError, KeyError, TypeError):
        return schedule


def trunk_names(frame: pd.DataFrame) -> pd.Series:
    """The trunk of every row: ``trunk_id``, or the run itself where that is empty."""
    if "trunk_id" not in frame.columns:
        return frame["run_id"]
    return frame["trunk_id"].mask(frame["trunk_id"] == "", frame["run_id"])


def domain_corpora(roles: Roles, corpora: tuple[str, ...]) -> tuple[str, ...]:
    """Domain corpora of this mixture; none where the table has no such corpus and nobody asked."""
    if not corpora:
        return ()
    try:
        return roles.domain_corpora_in(corpora)
    except DataError:
        if roles.domain_corpora != Roles().domain_corpora:
            raise
        return ()


def base_identity(frame: pd.DataFrame) -> pd.Series:
    """The base of every row: ``base_id``, or the size where that is empty."""
    size = frame["n_params"].astype(str)
    if "base_id" not in frame.columns:
        return size
    return frame["base_id"].mask(frame["base_id"] == "", size)
