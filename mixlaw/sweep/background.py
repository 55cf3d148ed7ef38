"""Sweeps without a terminal: start one in the background, see who works on it, cancel it."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixlaw.errors import ConfigError, RunError
from mixlaw.experiment import load_experiment
from mixlaw.files import write_atomic
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.locks import is_locked, stop_file, sweep_lock

#: Seconds between two looks at a lock: short for a person who waits.
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Detached:
    """A sweep in the background.

    Attributes:
        pid: of its driver, on this machine.
        log: what it says.
    """

    pid: int
    log: Path

    def document(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"schema": "mixlaw.detached/1", "pid": self.pid, "log": str(self.log)}


def detach_sweep(folder: Path, options: Sequence[str] = ()) -> Detached:
    """Start a sweep that outlives this terminal, and return once it is at work or done.

    Args:
        folder: of the experiment.
        options: further arguments of ``mixlaw sweep``.

    Raises:
        ConfigError: experiment.yaml is wrong, or the sweep found other bad input.
        RunError: another process sweeps it, or the sweep ended at once.
    """
    load_experiment(folder)
    if is_locked(sweep_lock(folder)):
        raise RunError(f"'{folder}' is being swept; look with 'mixlaw status {folder}'.")
    log = folder / "sweep.log"
    with log.open("ab") as file:
        n_before = file.tell()
        driver = subprocess.Popen(
            [sys.executable, "-m", "mixlaw", "sweep", str(folder), *options],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while driver.poll() is None and not is_locked(sweep_lock(folder)):
        time.sleep(POLL_SECONDS)
    if driver.returncode:
        reason = _last_line(log.read_bytes()[n_before:]).removeprefix("mixlaw: ")
        reason = reason or f"The sweep ended at once, silently (exit code {driver.returncode})."
        raise (ConfigError if driver.returncode == ConfigError.exit_code else RunError)(reason)
    return Detached(driver.pid, log)


def at_work(folder: Path) -> list[str]:
    """Who works on an experiment, here or elsewhere: ``the driver``, and runs by their names."""
    driver = ["the driver"] if is_locked(sweep_lock(folder)) else []
    specs = sorted(folder.glob("bases/*/spec.json")) + sorted(folder.glob("runs/*/spec.json"))
    return driver + [path.parent.name for path in specs if RunFolder(path.parent).is_held]


def cancel_sweep(folder: Path, patience: float) -> list[str]:
    """Have every process that works on an experiment save and leave.

    Args:
        folder: of the experiment.
        patience: how long to wait for that, seconds.

    Returns:
        Who is still at work after that; they leave at their next step.
    """
    write_atomic(stop_file(folder), "")
    deadline = time.monotonic() + patience
    while (left := at_work(folder)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def _last_line(printed: bytes) -> str:
    return printed.decode(errors="replace").strip().rpartition("\n")[2]
