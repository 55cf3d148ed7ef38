"""Tables of random bytes and sweeps with random faults: refused in a sentence, or spoken about.

A fault that is neither refused, nor found by the doctor, nor told by the fit must be harmless: the
answer stays that of the sweep without it.
"""

import csv
import io
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truths import Design, dcpt_truth, simulate_sweep

from mixlaw.cli import main
from mixlaw.doctor import examine
from mixlaw.errors import MixlawError
from mixlaw.fit.api import fit_laws
from mixlaw.roles import Roles
from mixlaw.runs.table import read_runs

DESIGN = Design((6e7, 12e7, 24e7), ratios=(0.1, 0.4, 0.7, 0.9), checkpoints=1, replicated=1)
#: What a table was exported with, typed into, or damaged by.
JUNK = (
    "", " ", "nan", "inf", "-inf", "0", "-1", "1", "1e-300", "1e300", "2,5", "abc", "True", "{",
    "\\", "é", "'", '{"kind": "cosine"}', "0x10", "99999999999999999999",
)  # fmt: skip
#: Seconds of CPU for one table.
NO_HANG = 10.0
#: Relative change of the answer that a fault in one cell may make in silence.
HARMLESS = 0.02
SMALL = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
LARGE = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def sweep() -> list[list[str]]:
    """A clean sweep as the cells of a CSV file, header first."""
    table = simulate_sweep(dcpt_truth(), np.random.default_rng(0), DESIGN).drop(columns="flag")
    return list(csv.reader(io.StringIO(table.to_csv(index=False))))


@pytest.fixture(scope="module")
def clean_answer(sweep, tmp_path_factory) -> float:
    return answer(written(sweep, tmp_path_factory.mktemp("clean")))[0]


def written(cells: list[list[str]], folder: Path) -> Path:
    path = folder / "runs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(cells)
    return path


def answer(path: Path) -> tuple[float, list[str]]:
    """The general loss in the middle of the sweep, and what doctor and fit say about the table."""
    fit = fit_laws(path, "dcpt", eval_sets=["general"], mix=["schedule"], n_draws=20)
    said = [finding.code for finding in examine(read_runs(path), Roles())]
    said += [status.code for status in fit.statuses]
    said += [reason for reason in fit.rows_left_out if "annealed" not in reason]
    loss = fit.predict("general", 12e7, 4e9, {"domain": 0.4, "general": 0.6}).estimate[0]
    return float(loss), said


@st.composite
def faults(draw, n_rows: int, n_columns: int):
    """A change of the cells: some of one column, a row or column lost, doubled, or exchanged."""
    kind = draw(st.sampled_from(["cells", "column", "drop", "double", "exchange", "cut"]))
    row, column = draw(st.integers(1, n_rows - 1)), draw(st.integers(0, n_columns - 1))
    other, junk = draw(st.integers(0, n_columns - 1)), draw(st.sampled_from(JUNK))
    length = draw(st.integers(1, 6))

    def change(cells: list[list[str]]) -> list[list[str]]:
        cells = [list(line) for line in cells]
        if kind == "drop":
            return [line[:column] + line[column + 1 :] for line in cells]
        if kind == "double":
            return [*cells, *cells[row : row + length]]
        if kind == "cut":
            return [*cells[:row], cells[row][:column]]
        for line in cells[1:] if kind == "column" else cells[row : row + length]:
            if kind == "exchange":
                line[column], line[other] = line[other], line[column]
            else:
                line[column] = junk
        return cells

    return change


def check_fault(sweep, clean_answer, folder, change) -> None:
    path, start = written(change(sweep), folder), time.process_time()
    try:
        loss, said = answer(path)
    except MixlawError as error:
        refused, loss, said = error, clean_answer, []
    else:
        refused = None
    assert said or loss == pytest.approx(clean_answer, rel=HARMLESS)
    assert refused is None or (refused.exit_code, str(refused).count("\n")) == (2, 0)
    assert time.process_time() - start < NO_HANG


def check_bytes(folder: Path, content: bytes, command: str) -> None:
    path, errors = folder / "runs.csv", io.StringIO()
    path.write_bytes(content)
    with redirect_stderr(errors), redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as left:
        main([command, str(path)])
    assert left.value.code == 2
    assert errors.getvalue().strip()
    assert "mixlaw: unexpected" not in errors.getvalue()  # a codec may find an end unexpected


@SMALL
@given(data=st.data())
def test_a_sweep_with_a_fault_is_refused_or_spoken_about(
    sweep, clean_answer, tmp_path_factory, data
):
    change = data.draw(faults(len(sweep), len(sweep[0])))
    check_fault(sweep, clean_answer, tmp_path_factory.mktemp("fault"), change)


@pytest.mark.slow
@LARGE
@given(data=st.data())
def test_sweeps_with_faults_are_refused_or_spoken_about(
    sweep, clean_answer, tmp_path_factory, data
):
    change = data.draw(faults(len(sweep), len(sweep[0])))
    check_fault(sweep, clean_answer, tmp_path_factory.mktemp("faults"), change)


@SMALL
@given(content=st.binary(max_size=300), command=st.sampled_from(["fit", "doctor"]))
def test_bytes_are_refused_by_both_commands(tmp_path_factory, content, command):
    check_bytes(tmp_path_factory.mktemp("bytes"), content, command)


@pytest.mark.slow
@LARGE
@given(content=st.binary(max_size=3000), command=st.sampled_from(["fit", "doctor"]))
def test_many_bytes_are_refused_by_both_commands(tmp_path_factory, content, command):
    check_bytes(tmp_path_factory.mktemp("bytes"), content, command)
