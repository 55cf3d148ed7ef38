"""The rows to fit of a large table: neighbouring checkpoints of a run say the same again."""

import math
from collections import Counter

import numpy as np
import pandas as pd

from mixlaw.runs.table import SHARE

#: Rows up to which every row is fitted: conventional; time of a fit grows with the rows.
LARGE_TABLE = 5_000
#: Checkpoints kept of a run of a larger table, and most rows of an eval set that are fitted: a law
#: of ten parameters has hundreds of rows for each. Conventional.
CHECKPOINTS, MOST_ROWS = 20, 2_000


def thin(frame: pd.DataFrame, left_out: Counter[str]) -> pd.DataFrame:
    """The rows to fit of a large table; a small one as it is.

    Args:
        frame: trained rows, with ``trunk`` names in the column ``_trunk``.
        left_out: rows left out by reason, which is added to.
    """
    if len(frame) <= LARGE_TABLE:
        return frame
    return _fewer_runs(_fewer_checkpoints(frame, left_out), left_out)


def _fewer_checkpoints(frame: pd.DataFrame, left_out: Counter[str]) -> pd.DataFrame:
    """About 20 log-spaced checkpoints of every run."""
    groups = frame.groupby(["run_id", "eval_set"], sort=False)["tokens"]
    size, low, high = (groups.transform(name) for name in ("size", "min", "max"))
    slot = np.floor(
        (CHECKPOINTS - 1) * np.log(frame["tokens"] / low) / np.log((high / low).clip(lower=1.001))
    )
    # The last checkpoint of a slot stays, so the longest budget of a run always does.
    ordered = frame.assign(_slot=slot).sort_values("tokens")
    last = ~ordered.duplicated(["run_id", "eval_set", "_slot"], keep="last")
    keep = last.reindex(frame.index) | (size <= CHECKPOINTS)
    left_out["thinned to log-spaced checkpoints"] += int((~keep).sum())
    return frame[keep]


def _fewer_runs(frame: pd.DataFrame, left_out: Counter[str]) -> pd.DataFrame:
    """Every k-th run in the order of size, budget and mixture, the largest and longest among them.

    A trunk stays or goes with all of its branches.
    """
    every = math.ceil(frame["eval_set"].value_counts().max() / MOST_ROWS)
    if every <= 1:
        return frame
    shares = [column for column in frame.columns if column.startswith(SHARE)]
    ordered = frame.sort_values(["n_params", "tokens", *shares])
    trunks = ordered["_trunk"].drop_duplicates(keep="last")
    keep = frame["_trunk"].isin(trunks.iloc[::-every])
    reason = f"one run in {every} fitted: more than {MOST_ROWS:,} rows an eval set add nothing"
    left_out[reason] += int((~keep).sum())
    return frame[keep]
