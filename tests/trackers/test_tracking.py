"""Tiny sweeps with each tracker's own package, read back by that package."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import pytest
from tiny_sweep import YAML, write_tiny

from mixlaw import plugins
from mixlaw.errors import ConfigError
from mixlaw.runs.table import read_runs
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.tracking import open_tracking
from mixlaw.trackers import import_package, tensorboard

SMALL = YAML.replace("sizes: [8k, 16k]", "sizes: [8k]").replace("[0.5, 1]", "[0, 0.5]")

Points = dict[tuple[str, str, int], float]  # run, name, tokens -> value


def read_tensorboard(experiment: Path) -> Points:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    points: Points = {}
    for folder in (experiment / "tracking/tensorboard").glob("*/"):
        events = EventAccumulator(str(folder)).Reload()
        for tag in events.Tags()["tensors"]:
            for event in events.Tensors(tag):
                key = (folder.name, tag, event.step)
                assert key not in points or tag.startswith("train/"), f"{key} stands twice"
                points[key] = float(tensor_util.make_ndarray(event.tensor_proto))
    return points


def read_mlflow(experiment: Path) -> Points:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{experiment}/tracking/mlflow/mlflow.db")
    known = client.get_experiment_by_name(experiment.name)
    points: Points = {}
    for run in client.search_runs([known.experiment_id]):
        assert run.info.status == "FINISHED"
        assert int(run.data.params["n_params"]) > 0
        for name in run.data.metrics:
            for metric in client.get_metric_history(run.info.run_id, name):
                points[run.info.run_name, name, metric.step] = metric.value
    return points


def read_wandb(experiment: Path) -> Points:
    from wandb.proto import wandb_internal_pb2

    points: Points = {}
    for path in (experiment / "tracking/wandb").glob("wandb/offline-run-*/*.wandb"):
        for data in leveldb_records(path.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(data)
            items = record.history.item
            row = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}
            for name in (name for name in row if name != "tokens" and name[0] != "_"):
                points[path.stem.removeprefix("run-"), name, row["tokens"]] = row[name]
    return points


def leveldb_records(data: bytes) -> Iterator[bytes]:
    """Records of an offline W&B file: its header of 7 bytes, then a LevelDB log."""
    place, record = 7, b""
    while place + 7 <= len(data):
        if (left := 2**15 - place % 2**15) < 7:  # no header fits at the end of a block
            place += left
            continue
        length = int.from_bytes(data[place + 4 : place + 6], "little")
        record += data[place + 7 : place + 7 + length]
        if data[place + 6] in (1, 4):  # a whole record, or its last part
            yield record
            record = b""
        place += 7 + length


READERS: dict[str, Callable[[Path], Points]] = {
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
    "mlflow": read_mlflow,
}


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


def sweep(experiment: Path, *options: str) -> str:
    """What the command says; in a process of its own, as these packages leave threads behind."""
    command = [sys.executable, "-m", "mixlaw", "sweep", str(experiment), *options]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stderr


@pytest.mark.filterwarnings("default")  # the packages' own, while they read back
def test_a_tracker_has_all_losses_of_the_table_once(tracker: str, tmp_path: Path):
    experiment = write_tiny(tmp_path / "small", SMALL + f"track: {tracker}\n")
    said = sweep(experiment)
    assert "Tracking" not in said
    table = read_runs(experiment / "runs.csv")
    found = READERS[tracker](experiment)
    evaluations = {key: v for key, v in found.items() if not key[1].startswith("train/")}
    assert evaluations == pytest.approx(expected(table), rel=1e-6)
    sweep(experiment)
    assert READERS[tracker](experiment) == found


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


def test_a_tracker_that_fails_is_said_once_and_kills_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Broken:
        def open_run(self, run_id: str, facts: Mapping[str, object]) -> object:
            raise ConnectionError("the server is away")

    experiment = write_tiny(tmp_path, SMALL)
    monkeypatch.setattr(tensorboard, "open_tracker", lambda folder: Broken())
    said: list[str] = []
    result = run_sweep(experiment, track="tensorboard", say=said.append)
    assert result.n_trained == 3
    complaints = [line for line in said if "Tracking" in line]
    assert len(complaints) == 1
    assert "ConnectionError: the server is away" in complaints[0]
    monkeypatch.undo()
    run_sweep(experiment, track="tensorboard")  # has it all, though nothing is trained any more
    found = read_tensorboard(experiment)
    assert found == pytest.approx(expected(read_runs(result.table)), rel=1e-6)


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
