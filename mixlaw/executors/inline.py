"""One job at a time, its output on this terminal: for looking at what a run does."""

from dataclasses import dataclass

from mixlaw.executors import Job
from mixlaw.executors._process import Process


@dataclass(frozen=True)
class Inline:
    """Has one slot."""

    slots: int = 1

    def start(self, job: Job) -> Process:
        """Start a job; its output goes to stderr."""
        return Process(job, log=False)


def open_executor(workers: int | None = None) -> Inline:
    """One slot, whatever is asked for."""
    return Inline()
