"""Executors: where runs execute; one file is one executor.

An executor is a module with ``open_executor(workers) -> Executor``. It is given jobs (an argument
list, an environment and what they need), never a function: what runs is a command that anybody can
type, and what it did is in files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        name: for people.
        argv: the command and its arguments.
        log: file that gets what it prints, appended.
        environment: variables on top of those of this process.
        cpus: cores it uses.
        gpus: GPUs it uses.
    """

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    cpus: int = 1
    gpus: int = 0


class Handle(Protocol):
    """A job that was started."""

    def poll(self) -> int | None:
        """Exit code (negative: ended by that signal), or None while it runs."""

    def stop(self) -> None:
        """Ask it to save and leave."""

    def kill(self) -> None:
        """End it now."""


class Executor(Protocol):
    """A place for jobs."""

    @property
    def slots(self) -> int:
        """Jobs that may run at the same time."""

    def start(self, job: Job) -> Handle:
        """Start a job and return at once."""
