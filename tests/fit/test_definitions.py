"""Definitions: rows of two peak learning rates at one size are fitted together only when asked."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixlaw import fit_laws
from mixlaw.cli import main
from mixlaw.doctor import examine
from mixlaw.errors import DataError
from mixlaw.fit.definitions import refuse_mixed, training_of_the_largest, with_lr_ratio
from mixlaw.roles import Roles
from mixlaw.runs.table import base_rows, read_runs, validate_runs, write_runs

QUICKSTART = Path(__file__).parents[1] / "data" / "quickstart" / "runs.csv"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return read_runs(QUICKSTART)


@pytest.fixture(scope="module")
def doubled(frame) -> pd.DataFrame:
    """The table and a copy of its runs at three times the peak, with 0.1 nats higher losses."""
    runs = frame[frame["tokens"] > 0]
    copy = runs.assign(
        run_id=runs["run_id"] + "-hot",
        trunk_id=runs["trunk_id"] + "-hot",
        lr_peak=3 * runs["lr_peak"],
        loss=runs["loss"] + 0.1,
    )
    return validate_runs(pd.concat([frame, copy], ignore_index=True))


def test_two_peaks_at_one_size_are_refused_in_a_sentence(doubled, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_runs(doubled, Path("runs.csv"))
    with pytest.raises(SystemExit, match="2"):
        main(["fit", "runs.csv", "--law", "dcpt", "--out", "fit"])
    message = capsys.readouterr().err
    assert "The runs of 50.9k parameters have 2 values of 'lr_peak' (0.002812, 0.008438)" in message
    assert "keep one (leave the others out) or fit them together (--mix lr_peak)" in message
    assert not Path("fit").exists()


def test_they_are_fitted_together_when_asked(doubled, frame):
    fit = fit_laws(doubled, "dcpt", mix=["lr_peak"], n_draws=20)
    assert fit.rows_used == 2 * fit_laws(frame, "dcpt", n_draws=20).rows_used
    assert any("several peak learning rates" in status.message for status in fit.statuses)


def test_one_of_them_is_fitted_by_a_condition(doubled, frame):
    one_size = ["n_params<60000"]
    with pytest.raises(DataError, match=r"keep one \(--where lr_peak=0.0028125\)"):
        fit_laws(doubled, "dcpt", where=one_size)
    kept = fit_laws(doubled, "dcpt", where=[*one_size, "lr_peak=0.0028125"], n_draws=20)
    assert kept.rows_used == fit_laws(frame, "dcpt", where=one_size, n_draws=20).rows_used


def test_one_peak_for_each_size_is_one_definition(frame):
    rates = frame.loc[frame["tokens"] > 0].groupby("n_params")["lr_peak"].unique()
    assert len(set(map(tuple, rates))) == 3
    refuse_mixed(frame[(frame["tokens"] > 0) & frame["annealed"]], [])


def runs(**columns) -> pd.DataFrame:
    rows = {"run_id": ["a", "b"], "n_params": 1e8, "tokens": 1e9, "eval_set": "domain", "loss": 3.0}
    return validate_runs(pd.DataFrame({**rows, "domain_ratio": 0.5, **columns}))


@pytest.mark.parametrize(
    "columns",
    [
        {"lr_peak": [3e-4, 9e-4]},
        {"lr_ratio": [0.1, 1.0]},
        {"schedule": [json.dumps({"kind": "wsd", "peak": peak}) for peak in (3e-4, 9e-4)]},
        {"lr_peak": [3e-4, np.nan], "schedule": ["", json.dumps({"kind": "wsd", "peak": 9e-4})]},
    ],
    ids=["peak", "ratio", "schedule", "both"],
)
def test_wherever_the_peak_is_written(columns):
    with pytest.raises(DataError, match="2 values of 'lr_(peak|ratio)'"):
        refuse_mixed(runs(**columns), [])
    refuse_mixed(runs(**columns), ["lr_peak"])


@pytest.mark.parametrize("peaks", [[3e-4, 3.0001e-4], [3e-4, np.nan], [np.nan, np.nan]])
def test_peaks_that_are_equal_or_unknown_are_no_two(peaks):
    refuse_mixed(runs(lr_peak=peaks), [])


def test_the_doctor_finds_them_too(doubled, frame):
    found = {finding.code: finding for finding in examine(doubled, Roles(), {})}
    assert found["learning-rates-mixed"].severity == "error"
    assert "learning-rates-mixed" not in {f.code for f in examine(frame, Roles(), {})}


def test_a_target_is_trained_as_the_longest_runs_of_the_largest_size(frame):
    trained = with_lr_ratio(frame[frame["tokens"] > 0], base_rows(frame))
    ends = trained[trained["annealed"]]
    assert training_of_the_largest(ends, ("domain", "general")) == {
        "schedule": "wsd",
        "unique_tokens.domain": 131073,
        "unique_tokens.general": 1654809,
        "base_tokens": 1000448,
        "lr_ratio": pytest.approx(0.3, rel=1e-3),
    }
    bare = runs().drop(columns="annealed", errors="ignore")
    assert training_of_the_largest(with_lr_ratio(bare, bare.head(0)), ("domain",)) == {}
