"""Tiny sweeps with each tracker's own package, read back by that package."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
import readers
from readers import READERS, Points, read_tensorboard
from tiny_sweep import YAML, write_tiny

from mixlaw import plugins
from mixlaw.errors import ConfigError
from mixlaw.runs.table import read_runs
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.tracking import open_tracking
from mixlaw.testing import ConformanceError, check_tracker
from mixlaw.trackers import import_package, tensorboard

SMALL = YAML.replace("sizes: [8k, 16k]", "sizes: [8k]").replace("[0.5, 1]", "[0, 0.5]")


def expected(table: pd.DataFrame) -> Points:
    """What a tracker must have of a runs table: every loss under its trunk's or base's name."""
    points: Points = {}
    for row in table.to_dict("records"):
        run = row["trunk_id"] if row["tokens"] > 0 else row["run_id"]
        where = "annealed" if row["annealed"] and row["tokens"] > 0 else "eval"
        for name in ("loss", "bpb"):
            key = (run, f"{where}/{row['eval_set']}_{name}", int(row["tokens"]))
            points[key] = row[name]
    return points


@pytest.fixture(params=sorted(READERS))
def tracker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed (pip install 'mixlaw[{request.param}]')")
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    return request.param


def test_every_tracker_is_tested():
    assert plugins.available("trackers") == tuple(sorted(READERS))


def test_tracker(tracker: str, tmp_path: Path):
    command = [sys.executable, readers.__file__, tracker, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


class Notebook:
    """A tracker that keeps everything in a list, and may forget."""

    def __init__(self, every: int = 1) -> None:
        self._every, self._lines = every, []

    def open_tracker(self, experiment: Path) -> "Notebook":
        return self

    def open_run(self, run_id: str, facts: Mapping[str, object]) -> SimpleNamespace:
        def log(tokens: int, values: Mapping[str, float]) -> None:
            self._lines += [((run_id, name, tokens), value) for name, value in values.items()]

        return SimpleNamespace(log=log, close=lambda: None)

    def read(self, experiment: Path) -> Points:
        return dict(self._lines[:: self._every])


def module(notebook: Notebook) -> ModuleType:
    tracker = ModuleType("notebook")
    tracker.open_tracker = notebook.open_tracker
    return tracker


def test_a_tracker_that_forgets_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mixlaw.testing.tracker.PATIENCE", 0.0)
    notebook = Notebook(every=2)
    with pytest.raises(ConformanceError, match="notebook lacks 4 of 8 values"):
        check_tracker(module(notebook), notebook.read, tmp_path)


def test_a_tracker_that_makes_values_up_is_named(tmp_path: Path):
    notebook = Notebook()
    values = notebook.read
    notebook.read = lambda folder: {**values(folder), ("run-2", "x", 1): 0.0}
    with pytest.raises(ConformanceError, match="1 values that nobody wrote"):
        check_tracker(module(notebook), notebook.read, tmp_path)


def sweep(experiment: Path, *options: str) -> str:
    """What the command says; in a process of its own, as these packages leave threads behind."""
    command = [sys.executable, "-m", "mixlaw", "sweep", str(experiment), *options]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stderr


@pytest.mark.filterwarnings("default")  # the packages' own, while they read back
def test_a_tracker_has_all_losses_of_the_table_once(tracker: str, tmp_path: Path):
    experiment = write_tiny(tmp_path / "small", SMALL + f"track: {tracker}\n")
    messages = sweep(experiment)
    assert "Tracking" not in messages
    table = read_runs(experiment / "runs.csv")
    points = READERS[tracker](experiment)
    evaluations = {key: v for key, v in points.items() if not key[1].startswith("train/")}
    assert evaluations == pytest.approx(expected(table), rel=1e-6)
    sweep(experiment)
    assert READERS[tracker](experiment) == points


def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as if it were not there
    experiment = write_tiny(tmp_path, SMALL)
    with pytest.raises(ConfigError, match=r"pip install 'mixlaw\[tensorboard\]'"):
        run_sweep(experiment, track="tensorboard")
    assert not (experiment / "runs.csv").exists()


def test_a_tracker_that_fails_is_reported_once_and_kills_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Broken:
        def open_run(self, run_id: str, facts: Mapping[str, object]) -> object:
            raise ConnectionError("the server is away")

    experiment = write_tiny(tmp_path, SMALL)
    monkeypatch.setattr(tensorboard, "open_tracker", lambda folder: Broken())
    messages: list[str] = []
    result = run_sweep(experiment, track="tensorboard", say=messages.append)
    assert result.n_trained == 3
    complaints = [line for line in messages if "Tracking" in line]
    assert len(complaints) == 1
    assert "ConnectionError: the server is away" in complaints[0]
    monkeypatch.undo()
    run_sweep(experiment, track="tensorboard")  # has it all, though nothing is trained any more
    points = read_tensorboard(experiment)
    assert points == pytest.approx(expected(read_runs(result.table)), rel=1e-6)


def test_a_package_that_cannot_be_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As mlflow 1 cannot beside a protobuf of today."""
    (tmp_path / "stale.py").write_text("from json import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name, reason in (("stale", "nothing_of_this_name"), ("absent_tracker", "absent_tracker")):
        with pytest.raises(ConfigError, match=rf"{reason}.*pip install 'mixlaw\[mlflow\]'"):
            import_package(name, "mlflow")


def test_nothing_is_tracked_unasked(tmp_path: Path):
    with open_tracking(None, tmp_path)([], print):
        pass
    assert list(tmp_path.iterdir()) == []
