"""The runs table: what it accepts, what it flags, what it refuses in one sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixlaw.errors import DataError
from mixlaw.runs.table import base_rows, corpora_of, read_runs, validate_runs, write_runs

RUNS = [("base", 0, np.nan, 3.0), ("a", 1e9, 0.25, 2.5), ("b", 1e9, 0.75, 2.4)]


def table(**changes: object) -> pd.DataFrame:
    """Two runs of one size at two ratios, with one base, on two eval sets."""
    rows = [
        (run, 1e6, tokens, ratio, name, loss)
        for run, tokens, ratio, loss in RUNS
        for name in ("domain", "general")
    ]
    columns = ["run_id", "n_params", "tokens", "domain_ratio", "eval_set", "loss"]
    return pd.DataFrame(rows, columns=columns).assign(**changes)


def test_domain_ratio_is_shorthand_for_two_shares() -> None:
    frame = validate_runs(table())
    assert corpora_of(frame) == ("domain", "general")
    assert frame["share.general"].tolist()[2:] == [0.75, 0.75, 0.25, 0.25]
    assert frame["share.domain"][:2].isna().all()  # the base was trained on no mixture of ours
    assert len(base_rows(frame)) == 2


def test_shares_within_a_thousandth_are_renormalised() -> None:
    frame = validate_runs(
        table().drop(columns="domain_ratio").assign(**{"share.x": 0.3004, "share.y": 0.7})
    )
    trained = frame[frame["tokens"] > 0]
    np.testing.assert_allclose(trained["share.x"] + trained["share.y"], 1, rtol=1e-15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_params": -1.0}, r"row 1 \(run 'base'\): n_params is -1\.0, but must be a positive"),
        ({"tokens": [0, 0, -5, 1, 1, 1]}, r"tokens is -5\.0, but must be a count"),
        ({"tokens": np.inf}, "tokens is inf"),
        ({"n_params": 1e37}, r"n_params is 1e\+37, but must be a positive count up to 1e30"),
        ({"unique_tokens.domain": -5.0}, r"unique_tokens.domain is -5\.0, but must be 0 or more"),
        ({"loss_se": -1.0}, r"loss_se is -1\.0, but must be 0 or more, or empty"),
        ({"domain_ratio": 1.5}, "shares domain 1.5, general -0.5 must lie in 0..1"),
        ({"loss": "many"}, "'many' in column 'loss' is not a number"),
        ({"n_params": "=1+1"}, "'=1\\+1' in column 'n_params' is not a number"),
        ({"run_id": ""}, "run_id and eval_set must not be empty"),
        ({"annealed": "maybe"}, "'maybe' in column 'annealed' is neither true nor false"),
    ],
)  # fmt: skip
def test_bad_cells_are_refused_in_a_sentence(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        validate_runs(table(**changes))


def test_shares_that_do_not_sum_are_refused() -> None:
    frame = table().drop(columns="domain_ratio").assign(**{"share.x": 0.3, "share.y": 0.6})
    with pytest.raises(DataError, match=r"row 3 \(run 'a'\): the shares x 0\.3, y 0\.6"):
        validate_runs(frame)


def test_missing_columns_and_empty_tables_are_refused() -> None:
    with pytest.raises(DataError, match="lacks the column\\(s\\) loss"):
        validate_runs(table().drop(columns="loss"))
    with pytest.raises(DataError, match="has no rows"):
        validate_runs(table().head(0))
    with pytest.raises(DataError, match="column 'loss' twice"):
        validate_runs(table().rename(columns={"n_params": "loss"}))


def test_non_finite_losses_and_identical_duplicates_are_flagged_and_kept() -> None:
    frame = table()
    frame.loc[2, "loss"], frame.loc[3, "loss"] = np.nan, 1e300
    frame = pd.concat([frame, frame.tail(1)])
    checked = validate_runs(frame)
    assert checked["flag"].tolist() == [
        "", "", "non-finite loss", "loss beyond 1e9", "", "", "duplicate row"
    ]  # fmt: skip


def test_two_losses_under_one_key_are_refused() -> None:
    frame = pd.concat([table(), table().tail(1).assign(loss=9.0)])
    with pytest.raises(
        DataError, match="run 'b' has two losses for 'general' at 1000000000 tokens"
    ):
        validate_runs(frame)


def test_two_bases_of_one_size_need_names() -> None:
    twice = pd.concat([table(), table().head(2).assign(run_id="other", loss=3.3)])
    with pytest.raises(DataError, match="tell the bases apart by base_id"):
        validate_runs(twice)
    named = twice.assign(base_id=["x"] * 6 + ["y"] * 2)
    assert (validate_runs(named)["flag"] == "").all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_survives_writing_and_reading(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    frame = validate_runs(table(annealed=True, loss=np.pi, extra='x,"y"\n'))
    write_runs(frame.sample(frac=1, random_state=0), first)
    write_runs(read_runs(first), second)
    assert first.read_bytes() == second.read_bytes()
    assert (read_runs(first)["loss"] == np.pi).all()
    assert list(tmp_path.iterdir()) == [first, second] or len(list(tmp_path.iterdir())) == 2


def test_a_csv_holds_whole_counts_as_integers(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    write_runs(validate_runs(table()), path)
    assert "a,1000000,1000000000,0.25,0.75,domain,2.5," in path.read_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runs.csv", b"", "is empty; a runs table needs run_id"),
        ("runs.csv", b"run_id;loss\na;2,5\n", "it has run_id;loss. This imports it: mixlaw import"),
        ("runs.csv", b"\x00\xff\xfe\x01" * 99, "cannot be read as csv|lacks the column"),
        ("runs.parquet", b"run_id,n_params\n", "cannot be read as parquet"),
        ("runs.xlsx", b"PK", "neither .csv nor .parquet"),
        ("runs.csv", b"a,b\n1,2,3,4\n5,6\n", "cannot be read as csv|lacks the column"),
    ],
)
def test_files_that_are_not_what_their_name_says(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_runs(path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(DataError, match="There is no file 'nowhere.csv'"):
        read_runs("nowhere.csv")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=400))
def test_random_bytes_are_refused_and_never_crash(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_runs(path)
