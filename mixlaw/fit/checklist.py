"""What papers forget to report about the points that they fit."""

import pandas as pd

from mixlaw.laws import Law
from mixlaw.runs.conditions import schedule_kind

#: Rows that laws are fitted to, in words.
CHECKPOINT_ROWS = {"ends": "annealed rows", "trunk": "trunk rows", "all": "annealed and trunk rows"}


def of_points(frame: pd.DataFrame, law: Law) -> dict[str, object]:
    """What papers forget to report about their points (arXiv 2502.18969)."""
    points = frame.groupby(["run_id", "eval_set"])["tokens"].size()
    return {
        "n_params": "non-embedding parameters, as the table's n_params column gives them",
        "flops": "as measured in the table" if "flops" in frame else "not used by the laws",
        "checkpoints": CHECKPOINT_ROWS[law.takes]
        if "annealed" in frame
        else "all rows as given: the table does not say which are annealed",
        "checkpoints_per_run": [int(points.min()), int(points.max())] if len(points) else [0, 0],
        "seeds": int(frame["seed"].nunique()) if "seed" in frame else None,
        "schedules": sorted({schedule_kind(s) for s in frame["schedule"]} - {""})
        if "schedule" in frame
        else [],
    }
