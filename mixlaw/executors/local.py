"""Processes on this machine: one per core, one thread each."""

import os
from dataclasses import dataclass

from mixlaw.executors import Job
from mixlaw.executors._process import Process


@dataclass(frozen=True)
class Local:
    """Runs as many jobs at once as it has slots."""

    slots: int

    def start(self, job: Job) -> Process:
        """Start a job; its output goes to its log."""
        return Process(job, log=True)


def open_executor(workers: int | None = None) -> Local:
    """One slot per core that this process may use, or as many as asked for."""
    return Local(workers or len(os.sched_getaffinity(0)))
