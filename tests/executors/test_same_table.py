"""One small experiment on every executor, whatever is killed: the same runs table, bit for bit."""

import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import tiny_sweep
import yaml
from tiny_sweep import YAML, write_tiny

from mixlaw.train.interrupts import CHECKPOINT_VARIABLE

#: Two bases that train side by side, each with two runs, long enough to be killed in the middle.
SMALL = {**yaml.safe_load(YAML), "mixtures": [0.5], "base": {"tokens": "16k"}}


def experiment(folder: Path, name: str, options: dict[str, Any]) -> Path:
    executor = {"name": name, "workers": 2, name: options}
    return write_tiny(folder, yaml.safe_dump({**SMALL, "executor": executor}))


def sweeping(folder: Path, *, saving: str = "0") -> AbstractContextManager[psutil.Popen]:
    """The command, saving every so many seconds (0 is at every step)."""
    return tiny_sweep.sweeping(folder, folder / "said", {CHECKPOINT_VARIABLE: saving})


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


def wait_until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 600
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def held(folder: Path, processes: Callable[[], Iterable[psutil.Process]]) -> psutil.Process:
    """The first of these that is in the middle of a run of this sweep, made to wait there."""
    return wait_until(lambda: next((p for p in processes() if hold(folder, p)), None))


def hold(folder: Path, process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_STOPPED or not is_training(folder, process):
            return False
        process.suspend()
        wait_until(lambda: process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE})
        if is_training(folder, process):  # it may have ended meanwhile
            return True
        process.resume()
    except psutil.NoSuchProcess:
        pass
    return False


def is_training(folder: Path, process: psutil.Process) -> bool:
    argv = process.cmdline()
    return argv[1:3] == ["-m", "mixlaw.sweep.worker"] and any(
        folder in Path(path).parents and list(Path(path).glob("*.checkpoint.safetensors"))
        for path in argv[3:]
    )


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
    """Its raylet, its actor and the run in the middle of its training are killed."""
    folder = experiment(tmp_path, "ray", ray_options)
    [second] = ray_cluster.worker_nodes
    [raylet] = second.all_processes["raylet"]

    def lose_it() -> None:
        there = psutil.Process(raylet.process.pid)
        run = held(folder, lambda: there.children(recursive=True))
        ray_cluster.remove_node(second, allow_graceful=False)
        with suppress(psutil.NoSuchProcess):  # Ray may kill it too
            run.kill()

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
        killed, warned = (held(folder, psutil.process_iter) for _ in range(2))
        job = job_of(warned)
        slurm("scancel", "--signal=KILL", job_of(killed))
        slurm("scancel", "--signal=USR2", job)  # as Slurm does before the time limit
        warned.resume()
        wait_until(lambda: "BeginTime" in slurm("squeue", "--noheader", "--format=%r"))
        driver.kill()
    slurm("scontrol", "update", f"JobId={job}", "StartTime=now")
    assert table(folder) == expected
    assert "Requeued job" in "".join(path.read_text() for path in folder.glob("slurm/*.out"))


def job_of(process: psutil.Process) -> str:
    """Its number; that of the last task of an array means the whole array unless spelled so."""
    place = process.environ()
    task = "{SLURM_ARRAY_JOB_ID}_{SLURM_ARRAY_TASK_ID}"
    return (task if "SLURM_ARRAY_JOB_ID" in place else "{SLURM_JOB_ID}").format_map(place)


def slurm(*argv: str) -> str:
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout
