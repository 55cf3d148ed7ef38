"""Sweeps in the background: --detach, status --watch, cancel, and runs without their driver."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tiny_sweep import YAML, folders, planned, write_tiny

from mixlaw.errors import ConfigError, RunError
from mixlaw.executors import PARENT_VARIABLE, STOPPED
from mixlaw.rundir.locks import stop_file
from mixlaw.sweep.api import run_sweep
from mixlaw.sweep.background import at_work, cancel_sweep, detach_sweep
from mixlaw.train.interrupts import CHECKPOINT_VARIABLE

#: It does not end before it is cancelled.
ENDLESS = YAML.replace("tokens: 3k", "tokens: 200k, max_epochs: 1000")


def mixlaw(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mixlaw", *arguments], capture_output=True, text=True, check=False
    )


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_detach_watch_and_cancel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(CHECKPOINT_VARIABLE, "0")
    folder = write_tiny(tmp_path, ENDLESS)
    assert "Nobody works on" in mixlaw("cancel", str(folder)).stderr
    detached = json.loads(mixlaw("sweep", str(folder), "--detach", "--json").stdout)
    driver = psutil.Process(detached["pid"])
    try:
        assert os.getsid(driver.pid) == driver.pid  # no terminal takes it along
        with pytest.raises(RunError, match="is being swept"):
            detach_sweep(folder)
        wait_until(lambda: any(folder.glob("bases/*/base.checkpoint.safetensors")))
        watching = subprocess.Popen(
            [sys.executable, "-m", "mixlaw", "status", str(folder), "--watch"],
            stdout=subprocess.PIPE,
            text=True,
        )
        workers = driver.children()
        assert "All have saved and left" in mixlaw("cancel", str(folder)).stderr
        wait_until(lambda: not driver.is_running() or driver.status() == psutil.STATUS_ZOMBIE)
        assert not any(worker.is_running() for worker in workers)
        assert "no sweep is at work" in watching.communicate(timeout=100)[0]
    finally:
        for process in (*driver.children(), driver) if driver.is_running() else ():
            process.kill()
    assert "The sweep was stopped" in Path(detached["log"]).read_text()
    assert any(folder.glob("bases/*/base.checkpoint.safetensors"))


def test_detach_says_what_is_wrong_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    folder = write_tiny(tmp_path, YAML.replace("workers: 2", "gpus_per_run: 1"))
    with pytest.raises(ConfigError, match="experiment.yaml"):
        detach_sweep(write_tiny(tmp_path / "wrong", "sizes: [8k]"))
    ended = mixlaw("sweep", str(folder), "--detach")
    assert ended.returncode == 2
    assert ended.stderr.startswith("mixlaw: executor.gpus_per_run asks for 1 GPU(s) a run")


def test_detach_tells_of_a_driver_that_ends_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_tiny(tmp_path)
    (folder / "sweep.log").write_text("mixlaw: what an earlier sweep said\n")
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(RunError, match=r"ended at once, silently \(exit code 1\)"):
        detach_sweep(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_saves_at_the_next_step(tmp_path: Path, number: signal.Signals):
    experiment = write_tiny(tmp_path, ENDLESS)
    base = folders(experiment, planned(experiment))[0]
    with worker(base.path) as process:
        wait_until(lambda: (base.path / "progress.json").exists())
        process.send_signal(number)
        assert process.wait(timeout=100) == STOPPED
    _, step = base.saved()
    assert step > 0


def test_a_sweep_waits_for_a_run_that_outlived_its_driver(tmp_path: Path):
    """As a Slurm job does; nothing is trained twice, and no slot is spent on waiting."""
    experiment = write_tiny(tmp_path)
    base = folders(experiment, planned(experiment))[0]
    with worker(base.path, **{CHECKPOINT_VARIABLE: "0"}) as orphan:
        wait_until(lambda: base.is_held)
        orphan.suspend()
        assert at_work(experiment) == [base.run_id]
        said: list[str] = []

        def say(line: str) -> None:
            said.append(line)
            if len(said) > 3 and orphan.status() == psutil.STATUS_STOPPED:
                orphan.resume()

        result = run_sweep(experiment, say=say)
        assert orphan.wait(timeout=100) == 0
    assert result.n_trained == 8
    assert cancel_sweep(experiment, patience=0) == []
    assert stop_file(experiment).exists()


def worker(path: Path, **environment: str) -> psutil.Popen:
    return psutil.Popen(
        [sys.executable, "-m", "mixlaw.sweep.worker", str(path)],
        env={**os.environ, **environment, PARENT_VARIABLE: str(os.getpid())},
        stderr=subprocess.DEVNULL,
    )
