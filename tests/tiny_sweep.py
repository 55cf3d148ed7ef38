"""The tiny sweep of the shipped checks, and the command on it in a process that can be killed."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from mixlaw.testing.tiny_sweep import WORDS, YAML, StopAfter, folders, planned, write_tiny

__all__ = ["WORDS", "YAML", "StopAfter", "folders", "planned", "sweeping", "write_tiny"]


@contextmanager
def sweeping(
    experiment: Path, messages: Path, environment: Mapping[str, str]
) -> Iterator[psutil.Popen]:
    """The command in a process of its own, whose messages a file gets; killed in the end."""
    with messages.open("ab") as stderr:
        driver = psutil.Popen(
            [sys.executable, "-m", "mixlaw", "sweep", str(experiment)],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        yield driver
    finally:
        if driver.poll() is None:
            driver.kill()
        driver.wait()
