"""One small experiment on every executor, whatever is killed: the same runs table, bit for bit."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from tiny_sweep import YAML, write_tiny

from mixlaw.train.watch import CHECKPOINT_VARIABLE

#: Two bases that train side by side, each with two runs, long enough to be killed in the middle.
SMALL = {**yaml.safe_load(YAML), "mixtures": [0.5], "base": {"tokens": "16k"}}


def experiment(folder: Path, name: str, options: dict[str, Any]) -> Path:
    executor = {"name": name, "workers": 2, name: options}
    return write_tiny(folder, yaml.safe_dump({**SMALL, "executor": executor}))


@contextmanager
def sweeping(folder: Path, *, saving: str = "0") -> Iterator[psutil.Popen]:
    """The command in a process of its own, saving every so many seconds (0 is at every step)."""
    with (folder / "said").open("ab") as said:
        driver = psutil.Popen(
            [sys.executable, "-m", "mixlaw", "sweep", str(folder)],
            env={**os.environ, CHECKPOINT_VARIABLE: saving},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        yield driver
    finally:
        if driver.poll() is None:
            driver.kill()
        driver.wait()


def table(folder: Path, meanwhile: Callable[[], object] | None = None) -> bytes:
    """The table of a whole sweep during which something may happen."""
    with sweeping(folder, saving="0" if meanwhile else "60") as driver:
        if meanwhile:
            meanwhile()
        assert driver.wait(timeout=900) == 0, said(folder)
    assert not list(folder.rglob(".*.tmp"))
    return (folder / "runs.csv").read_bytes()


def said(folder: Path) -> str:
    return (folder / "said").read_text()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def both_bases_train(folder: Path) -> bool:
    return len(list(folder.glob("bases/*/base.checkpoint.safetensors"))) == 2


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The table of the inline executor: one process after the other."""
    return table(experiment(tmp_path_factory.mktemp("inline"), "inline", {}))


@pytest.mark.parametrize("name", ["local", "ray", "slurm"])
def test_the_same_table(request: pytest.FixtureRequest, tmp_path: Path, expected: bytes, name: str):
    options = request.getfixturevalue(f"{name}_options")
    assert table(experiment(tmp_path, name, options)) == expected


def test_a_ray_node_is_lost(
    tmp_path: Path, expected: bytes, ray_cluster: Any, ray_options: dict[str, Any]
):
    """Each of its two nodes has one slot, so one of the bases is on the node that goes."""
    folder = experiment(tmp_path, "ray", ray_options)
    [second] = ray_cluster.worker_nodes

    def lose_it() -> None:
        wait_until(lambda: both_bases_train(folder))
        ray_cluster.remove_node(second, allow_graceful=False)

    try:
        assert table(folder, lose_it) == expected
    finally:
        ray_cluster.add_node(num_cpus=1)
    assert "ended early (exit code -9); it goes on" in said(folder)


def test_slurm_jobs_are_killed_and_out_of_time_and_the_driver_is_gone(
    tmp_path: Path, expected: bytes, slurm_options: dict[str, Any]
):
    folder = experiment(tmp_path, "slurm", slurm_options)
    with sweeping(folder) as driver:
        wait_until(lambda: both_bases_train(folder))
        killed, warned = jobs()
        slurm("scancel", "--signal=KILL", killed)
        slurm("scancel", "--signal=USR2", warned)  # as Slurm does before the time limit
        wait_until(lambda: "BeginTime" in slurm("squeue", "--noheader", "--format=%r"))
        driver.kill()
    slurm("scontrol", "update", f"JobId={warned}", "StartTime=now")
    assert table(folder) == expected
    assert "Requeued job" in "".join(path.read_text() for path in folder.glob("slurm/*.out"))


def jobs() -> list[str]:
    return slurm("squeue", "--array", "--noheader", "--states=RUNNING", "--format=%i").split()


def slurm(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
