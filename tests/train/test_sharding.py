"""One model in shards over two processes of a CPU, with gloo: what GPUs do with NCCL."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from tiny_sweep import YAML, folders, planned, write_tiny

from mixlaw.executors import STOPPED
from mixlaw.rundir.folder import RunFolder
from mixlaw.sweep.jobs import Task
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE

SCRIPT = Path(__file__).parent / "follow_loss.py"


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ranks need two devices: a machine with one GPU has two cores at least."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment of one size that is planned."""
    text = YAML.replace("[8k, 16k]", "[16k]").replace("[0.5, 1]", "[0.5]")
    experiment = write_tiny(tmp_path_factory.mktemp("fresh"), text.replace("3k", "6k"))
    planned(experiment)
    return experiment


def copied(fresh: Path, to: Path) -> tuple[RunFolder, RunFolder]:
    """The base, and a run from it, of a copy."""
    shutil.copytree(fresh, to)
    every = folders(to, planned(to))
    return every[0], every[1]


def test_the_loss_follows_that_of_one_process(fresh: Path, tmp_path: Path):
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    losses = {}
    for name, launcher in {"one": [], "two": ["-m", *torchrun]}.items():
        base, _ = copied(fresh, tmp_path / name)
        out = tmp_path / f"{name}.json"
        subprocess.run([sys.executable, *launcher, SCRIPT, base.path, out], check=True)
        losses[name] = json.loads(out.read_text())
    assert len(losses["one"]) == len(losses["two"]) == 50
    assert losses["one"][0] - losses["one"][-1] > 0.3  # it has learnt something
    np.testing.assert_allclose(losses["two"], losses["one"], rtol=0, atol=1e-3)


def test_a_sharded_job_is_stopped_and_goes_on(fresh: Path, tmp_path: Path):
    """Its records are the same whether interrupted or not, and close to those of one process."""
    measured = {}
    for name, gpus in {"one": 0, "two": 2, "stopped": 2}.items():
        base, run = copied(fresh, tmp_path / name)
        if name == "stopped":
            with start(base, run, gpus=gpus) as process:
                wait_for_checkpoint(run)
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=200) == STOPPED
            assert base.is_done
            assert not run.is_done
        with start(base, run, gpus=gpus) as process:
            assert process.wait(timeout=300) == 0, said(base)
        assert run.is_done
        measured[name] = [r for folder in (base, run) for r in folder.records()]
        assert not list(run.path.glob("*.checkpoint.safetensors"))
    assert measured["stopped"] == measured["two"]
    one, two = ({r.key: r.loss for r in measured[name]} for name in ("one", "two"))
    assert one.keys() == two.keys()
    # Relative: the general loss is at 8.6 nats and steep once a run has forgotten.
    np.testing.assert_allclose([*two.values()], [*one.values()], rtol=1e-3, atol=0)
    assert [r.flops for r in measured["two"]] == [r.flops for r in measured["one"]]


def start(*what: RunFolder, gpus: int) -> psutil.Popen:
    job = Task(what, 1.0, gpus=gpus).job()
    environment = {**os.environ, **job.environment, CHECKPOINT_VARIABLE: "0"}
    with (what[0].path / "stderr").open("ab") as stderr:
        return psutil.Popen(job.argv, env=environment, stderr=stderr)


def said(base: RunFolder) -> str:
    """The last of what a job wrote: an abort of torch's own threads is in no log."""
    return (base.path / "stderr").read_text(errors="replace")[-4000:]


def wait_for_checkpoint(run: RunFolder) -> None:
    deadline = time.monotonic() + 300
    while not any(run.path.glob("*.checkpoint.safetensors")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
