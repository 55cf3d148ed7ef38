"""Executors: where runs execute; one file is one executor.

An executor is a module with ``Options``, a section of experiment.yaml (``executor.<name>``), and
``open_executor(options, wanted) -> Executor``. It is given jobs (an argument list, an environment
and what they need), never a function: what runs is a command that anybody can type, and what it
did is in files. All machines of an executor see these files under the same paths. ``Process`` is
for executors that start the processes of their jobs themselves.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from mixlaw import plugins
from mixlaw.errors import ConfigError
from mixlaw.experiment import ExecutorChoice

#: Variable with the id of the process that started a job: without it the job saves and stops.
PARENT_VARIABLE = "MIXLAW_PARENT"
#: Variable with the GPUs that a process may use.
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"
#: Exit code of a job that was stopped, saved and can be continued (EX_TEMPFAIL of sysexits.h).
STOPPED = 75
#: The extra that installs a package, where their names differ.
_EXTRAS = {"submitit": "slurm"}


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


@dataclass(frozen=True)
class Wanted:
    """What every executor is opened with, beside its own options.

    Attributes:
        folder: where it may keep files of its own.
        workers: jobs at the same time; None leaves that to the executor.
        gpus: GPUs of every job.
    """

    folder: Path
    workers: int | None = None
    gpus: int = 0


class Handle(Protocol):
    """A job that was started."""

    def poll(self) -> int | None:
        """Exit code (negative: ended by that signal, or with its machine); None while it runs."""

    def stop(self) -> None:
        """Ask it to save and leave."""

    def kill(self) -> None:
        """End it now."""


class Executor(Protocol):
    """A place for jobs."""

    @property
    def slots(self) -> int:
        """Jobs that may run at the same time."""

    def start(self, jobs: Sequence[Job]) -> Sequence[Handle]:
        """Start jobs that are ready together, at most as many as slots are free, and return."""

    def close(self) -> None:
        """Give back what it holds, once no job runs."""


class Process:
    """A job as a process of this machine, for executors that start one; without GPUs it sees none.

    Args:
        job: what to run.
        log: whether its output goes to the job's log; otherwise to this process's stderr.
        environment: variables on top of the job's.
        own_session: whether Ctrl-C on this terminal passes it by.
    """

    def __init__(
        self,
        job: Job,
        *,
        log: bool = True,
        environment: dict[str, str] | None = None,
        own_session: bool = True,
    ) -> None:
        facts = {PARENT_VARIABLE: str(os.getpid())} | ({} if job.gpus else {VISIBLE_GPUS: ""})
        with job.log.open("ab") as file:
            self._popen = subprocess.Popen(
                list(job.argv),
                env={**os.environ, **facts, **job.environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file if log else 2,
                stderr=subprocess.STDOUT,
                start_new_session=own_session,
            )

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._popen.poll()

    def wait(self) -> int:
        """Exit code, once it has ended."""
        return self._popen.wait()

    def stop(self) -> None:
        """SIGTERM to the process, which saves and leaves."""
        self._popen.terminate()

    def end(self) -> None:
        """SIGKILL to the process alone."""
        self._popen.kill()

    def kill(self) -> None:
        """SIGKILL to its whole session."""
        if self.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()


def open_executor(choice: ExecutorChoice, folder: Path, name: str | None = None) -> Executor:
    """The executor that an experiment names, or another one with the experiment's options for it.

    Args:
        choice: the experiment's section.
        folder: of the experiment.
        name: of another executor plugin.

    Raises:
        ConfigError: it needs a package, command or device that is not here.
    """
    name = name or choice.name
    module = plugins.load("executors", name)
    wanted = Wanted(folder / name, choice.workers, choice.gpus_per_run)
    made: Executor = module.open_executor(choice.options(name), wanted)
    return made


def optional_package(name: str) -> Any:
    """A package that only one executor needs.

    Raises:
        ConfigError: it is not installed.
    """
    if find_spec(name) is None:
        raise ConfigError(
            f"This executor needs the package '{name}'; "
            f"pip install 'mixlaw[{_EXTRAS.get(name, name)}]', or choose --executor local."
        )
    return import_module(name)
