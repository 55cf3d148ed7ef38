"""Processes on this machine: one per core, one thread each; or as many as its GPUs allow.

GPUs are dealt out by index through CUDA_VISIBLE_DEVICES; a job that needs none sees none.
"""

import os
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from mixlaw.cores import available_cores
from mixlaw.errors import ConfigError
from mixlaw.executors import VISIBLE_GPUS, Job, Process, Wanted
from mixlaw.experiment import Section


class Options(Section):
    """Options of this executor.

    Attributes:
        gpus: indices of the GPUs to use; None means all that this process may see.
    """

    gpus: tuple[Annotated[int, Field(ge=0)], ...] | None = None


class Local:
    """Runs as many jobs at once as it has slots.

    Args:
        slots: how many.
        gpus: names of the GPUs, as CUDA_VISIBLE_DEVICES takes them.
    """

    def __init__(self, slots: int, gpus: Sequence[str] = ()) -> None:
        self.slots = slots
        self._holders: dict[str, Process | None] = dict.fromkeys(gpus)

    def start(self, jobs: Sequence[Job]) -> list[Process]:
        """Start each job on the first free GPUs; its output goes to its log."""
        return [self._start(job) for job in jobs]

    def _start(self, job: Job) -> Process:
        free = [gpu for gpu, holder in self._holders.items() if not holder or _has_ended(holder)]
        mine = free[: job.gpus]
        process = Process(job, environment={VISIBLE_GPUS: ",".join(mine)})
        self._holders.update(dict.fromkeys(mine, process))
        return process

    def close(self) -> None:
        """Nothing is held."""


def open_executor(options: Options, wanted: Wanted) -> Local:
    """One slot per core that this process may use, or per share of GPUs, or ``workers``.

    Raises:
        ConfigError: there are fewer GPUs than one job needs.
    """
    if not wanted.gpus:
        return Local(wanted.workers or available_cores())
    gpus = visible_gpus() if options.gpus is None else [str(index) for index in options.gpus]
    if len(gpus) < wanted.gpus:
        raise ConfigError(
            f"executor.gpus_per_run asks for {wanted.gpus} GPU(s) a run and this machine offers "
            f"{len(gpus)}; lower it (0 trains on the CPU) or choose another executor."
        )
    most = len(gpus) // wanted.gpus
    return Local(min(wanted.workers or most, most), gpus)


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, by the names that it knows them under."""
    if VISIBLE_GPUS in os.environ:
        return [name.strip() for name in os.environ[VISIBLE_GPUS].split(",") if name.strip()]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def _has_ended(process: Process) -> bool:
    return process.poll() is not None
