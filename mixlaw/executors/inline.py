"""One job at a time, its output on this terminal: for looking at what a run does."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixlaw.executors import Job, Process, Wanted
from mixlaw.experiment import Section


class Options(Section):
    """Has none."""


@dataclass(frozen=True)
class Inline:
    """Has one slot."""

    slots: int = 1

    def start(self, jobs: Sequence[Job]) -> list[Process]:
        """Start a job; its output goes to stderr, and every GPU of this machine is its own."""
        return [Process(job, log=False) for job in jobs]

    def close(self) -> None:
        """Nothing is held."""


def open_executor(options: Options, wanted: Wanted) -> Inline:
    """One slot, whatever ``wanted`` says."""
    return Inline()
