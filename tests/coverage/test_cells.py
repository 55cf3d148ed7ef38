"""The committed answers at measured cells agree with what was measured there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

TABLE = pd.read_csv(Path(__file__).with_name("cells.csv"))
#: A critical ratio is off by at most this, or the cell's runs cannot tell it better.
CLOSE = 0.03


def errors(cells: pd.DataFrame, column: str) -> pd.Series:
    """Distance from the measured crossing; no allowed share counts as share zero."""
    return (cells[column].fillna(0) - cells["measured"].fillna(0)).abs()


def broken(cells: pd.DataFrame, column: str) -> float:
    return float((cells[column] > cells["tolerance"] + 1e-9).mean())


def test_all_cells_of_three_sweeps_are_asked():
    sizes = TABLE.groupby(["table", "rows"]).size()
    assert sizes.to_dict() == {
        (name, rows): 4 * n_cells
        for name, n_cells in (("quickstart", 12), ("prose-to-code", 25), ("prose-to-german", 12))
        for rows in ("in", "out")
    }


@pytest.mark.parametrize("name", ["quickstart", "prose-to-code", "prose-to-german"])
def test_at_a_measured_cell_the_answer_follows_the_measurement(name):
    cells = TABLE[(TABLE["table"] == name) & (TABLE["rows"] == "in")]
    assert (errors(cells, "estimate") <= CLOSE).mean() >= 0.9
    assert broken(cells, "rise_at_recommended") <= 0.1


def test_without_its_rows_a_cell_is_answered_better_than_by_copying_the_nearest():
    cells = TABLE[TABLE["rows"] == "out"]
    assert errors(cells, "estimate").mean() <= errors(cells, "copied").mean()
    assert broken(cells, "rise_at_recommended") <= broken(cells, "rise_at_copied")
    measured = cells["measured"].fillna(0)
    covered = (cells["low"] - 1e-9 <= measured) & (measured <= cells["high"] + 1e-9)
    assert covered.mean() >= 0.85


def test_every_estimate_lies_inside_its_interval():
    known = TABLE[TABLE["estimate"].notna()]
    assert (known["low"] <= known["estimate"]).all()
    assert (known["estimate"] <= known["high"]).all()
    assert np.isfinite(known[["low", "high"]]).all(axis=None)
