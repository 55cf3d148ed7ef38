"""Views of a runs table: some of its rows, its trunks and bases, its weighted general loss."""

from collections import Counter

import numpy as np
import pandas as pd

from mixlaw.errors import DataError, unknown_name
from mixlaw.roles import Roles
from mixlaw.runs.conditions import Where, conditions

#: What a row is measured at, whatever its eval set.
_PLACE = ("run_id", "tokens")


def only_where(frame: pd.DataFrame, where: Where) -> pd.DataFrame:
    """The rows that meet all conditions.

    Base rows were trained by nobody here and stay, but for those of other sizes where a condition
    is on ``n_params`` alone.

    Args:
        frame: a validated runs table.
        where: values by column, or texts such as ``recipe=cpt`` or ``tokens/n_params>=10``.

    Raises:
        ConfigError: a text has not the form of a condition.
        DataError: there is no such column, or no row is left.
    """
    for condition in conditions(where):
        holds = condition.holds(frame)
        if not (holds & (frame["tokens"] > 0)).any():
            raise DataError(f"No row has {condition}; nothing is left to fit.")
        of_base = condition.columns(frame) == ("n_params",)
        frame = frame[holds if of_base else holds | (frame["tokens"] == 0)]
    return frame


def with_general_loss(frame: pd.DataFrame, roles: Roles, left_out: Counter[str]) -> pd.DataFrame:
    """Several general sets become rows of one: their weighted loss per (run, tokens).

    Args:
        frame: unflagged rows.
        roles: which eval sets the general loss has, and their weights.
        left_out: rows left out by reason, which is added to.

    Raises:
        DataError: the table lacks one of the general eval sets.
    """
    if len(roles.general_sets) == 1:
        return frame
    missing = sorted(set(roles.general_sets) - set(frame["eval_set"]))
    if missing:
        raise DataError(unknown_name("eval set", missing[0], set(frame["eval_set"])))
    parts = frame[frame["eval_set"].isin(roles.general_sets)]
    whole = parts.groupby(list(_PLACE))["loss"].transform("size") == len(roles.general_sets)
    left_out["one of the general losses is missing"] += int((~whole).sum())
    combined = parts[whole].drop_duplicates(list(_PLACE)).assign(eval_set=roles.general_set)
    place = pd.MultiIndex.from_frame(combined[list(_PLACE)])
    loss = losses_by_run(parts, roles)["general"].loc[place]
    combined["loss"] = loss.to_numpy()
    combined["loss_se"] = _general_error(parts[whole], roles).loc[place].to_numpy()
    return pd.concat([frame, combined], ignore_index=True)


def _general_error(parts: pd.DataFrame, roles: Roles) -> pd.Series:
    """Standard error of the general loss by run and tokens, of the eval sets that have one."""
    if "loss_se" not in parts:
        parts = parts.assign(loss_se=np.nan)
    weight = parts["eval_set"].map(dict(roles.general_sets))
    squares = ((weight * parts["loss_se"]) ** 2).groupby([parts[name] for name in _PLACE])
    return squares.sum(min_count=1) ** 0.5


def losses_by_run(frame: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """Columns ``domain`` and ``general``: the losses by run and tokens.

    A loss is missing where one of its eval sets is.
    """
    wide = frame.pivot_table(index=list(_PLACE), columns="eval_set", values="loss")
    names = dict.fromkeys([roles.domain_set, *roles.general_sets])
    wide = wide.reindex(columns=list(names))
    return pd.DataFrame({"domain": wide[roles.domain_set], "general": roles.general_loss(wide)})


def trunk_names(frame: pd.DataFrame) -> pd.Series:
    """The trunk of every row: ``trunk_id``, or the run itself where that is empty."""
    if "trunk_id" not in frame.columns:
        return frame["run_id"]
    return frame["trunk_id"].mask(frame["trunk_id"] == "", frame["run_id"])


def domain_corpora(roles: Roles, corpora: tuple[str, ...]) -> tuple[str, ...]:
    """Domain corpora of this mixture; none where it has no such corpus and none was named."""
    if not corpora:
        return ()
    try:
        return roles.domain_corpora_in(corpora)
    except DataError:
        if roles.domain_corpora != Roles().domain_corpora:
            raise
        return ()


def base_identity(frame: pd.DataFrame) -> pd.Series:
    """The base of every row: ``base_id``, or the size in words where that is empty."""
    size = frame["n_params"].map("{:.15g} parameters".format)
    if "base_id" not in frame.columns:
        return size
    return frame["base_id"].mask(frame["base_id"] == "", size)
