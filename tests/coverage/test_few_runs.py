"""A few runs give a ratio, and its interval holds on a study that the prior has not heard of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

EVERY = pd.read_csv(Path(__file__).with_name("few_runs.csv"))
#: Where the measured ratio lies between shares that were run.
TABLE = EVERY[EVERY["bracketed"] == 1]
#: Of an interval score at 90%: what a miss costs over a width.
PENALTY = 20.0


def of(runs: int, table: pd.DataFrame = TABLE) -> pd.DataFrame:
    return table[table["runs"] == runs]


def covered(rows: pd.DataFrame) -> pd.Series:
    return (rows["low"] - 1e-9 <= rows["measured"]) & (rows["measured"] <= rows["high"] + 1e-9)


def errors(rows: pd.DataFrame, column: str = "estimate") -> pd.Series:
    return (rows[column].fillna(0) - rows["measured"]).abs()


def score(rows: pd.DataFrame, low: str, high: str) -> float:
    """Mean interval score: width, and what the truth lies outside of it times the penalty."""
    below = (rows[low] - rows["measured"]).clip(lower=0)
    above = (rows["measured"] - rows[high]).clip(lower=0)
    return float((rows[high] - rows[low] + PENALTY * (below + above)).mean())


def test_four_studies_are_left_out_in_turn():
    assert of(5)["study"].nunique() == 4
    assert of(5, EVERY).groupby("study").size().min() >= 10
    assert set(EVERY["kind"]) == {"same", "tokens", "size", "largest"}


def test_five_runs_cover_in_all_and_in_every_study():
    assert covered(of(5)).mean() >= 0.85
    assert covered(of(5, EVERY)).mean() >= 0.85
    for study, rows in of(5).groupby("study"):
        if len(rows) >= 10:
            assert covered(rows).mean() >= 0.75, study


def test_five_runs_give_a_ratio_that_is_of_use():
    rows = of(5)
    width = rows["high"] - rows["low"]
    assert width.median() <= 0.2
    assert (width < 0.3).mean() >= 0.8
    assert errors(rows).median() <= 0.025
    assert errors(rows).quantile(0.9) <= 0.08


def test_three_runs_cover_more_widely():
    assert covered(of(3)).mean() >= 0.93
    assert errors(of(3)).median() <= 0.04


def test_one_run_gives_no_ratio():
    assert of(1, EVERY)["estimate"].isna().all()
    assert (of(1, EVERY)["low"] == 0).all()
    assert (of(1, EVERY)["high"] == 1).all()


@pytest.mark.parametrize("runs", [5, 3, 2])
def test_better_than_copying_and_than_the_studies_alone(runs):
    rows = of(runs)
    ours = score(rows, "low", "high")
    assert ours < score(rows, "copied", "copied")
    assert ours < score(rows, "low_outside", "high_outside")
    assert ours < score(rows, "low_without", "high_without")


def test_every_estimate_lies_inside_its_interval():
    known = EVERY[EVERY["estimate"].notna()]
    assert (known["low"] <= known["estimate"]).all()
    assert (known["estimate"] <= known["high"]).all()
    assert np.isfinite(known[["low", "high"]]).all(axis=None)
