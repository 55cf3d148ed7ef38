"""What each tracker's own package has of an experiment, by run, name and tokens.

As a command, ``readers.py NAME FOLDER`` runs the shipped conformance check of one tracker, in a
process of its own, because the packages leave threads behind.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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


if __name__ == "__main__":
    from mixlaw import plugins
    from mixlaw.testing import check_tracker

    tracker, folder = sys.argv[1:]
    check_tracker(plugins.load("trackers", tracker), READERS[tracker], Path(folder))
