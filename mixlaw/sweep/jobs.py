"""Jobs of a sweep: what is not done, grouped for workers; bases first, then longest first."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixlaw.executors import Job
from mixlaw.experiment import Experiment
from mixlaw.sweep.cost import START_SECONDS, cost_of
from mixlaw.sweep.plan import Plan
from mixlaw.train.folder import RunFolder
from mixlaw.train.spec import BaseSpec, RunSpec
from mixlaw.train.watch import DRIVER_VARIABLE

#: A job should last several times as long as its process takes to start.
SHORTEST_JOB = 4 * START_SECONDS

#: One thread a process: two that spin on a busy machine are 10 to 100 times slower.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True)
class Task:
    """Folders that one worker trains, one after the other.

    Attributes:
        folders: of bases or runs of one shape.
        seconds: estimated CPU time, process start included.
        needs: bases that must be done before.
    """

    folders: tuple[RunFolder, ...]
    seconds: float
    needs: frozenset[Path] = frozenset()

    @property
    def is_ready(self) -> bool:
        """Whether every base it needs is there."""
        return all(RunFolder(base).is_done for base in self.needs)

    @property
    def left(self) -> tuple[RunFolder, ...]:
        """Its folders that are not done."""
        return tuple(folder for folder in self.folders if not folder.is_done)

    def job(self) -> Job:
        """The command that trains what is left of it."""
        paths = [str(folder.path.resolve()) for folder in self.left]
        return Job(
            name=self.left[0].run_id,
            argv=[sys.executable, "-m", "mixlaw.sweep.worker", *paths],
            log=self.left[0].log,
            environment={**ONE_THREAD, DRIVER_VARIABLE: str(os.getpid())},
        )


def missing_tasks(
    folder: Path, plan: Plan, experiment: Experiment, speed: float, slots: int
) -> list[Task]:
    """Planned minus done, longest first.

    Args:
        folder: of the experiment.
        plan: all bases and runs.
        experiment: what it is a plan of.
        speed: FLOP/s of one core.
        slots: jobs at the same time.
    """
    bases = [
        (run_folder(folder, base), cost_of(base, experiment).all_flops / speed)
        for base in plan.bases
    ]
    tasks = [Task((f,), seconds + START_SECONDS) for f, seconds in bases if not f.is_done]
    runs = [
        (run, cost_of(run, experiment).all_flops / speed)
        for run in plan.runs
        if not run_folder(folder, run).is_done
    ]
    longest = max(SHORTEST_JOB, sum(seconds for _, seconds in runs) / (4 * slots))
    tasks += _grouped(folder, runs, longest)
    return sorted(tasks, key=lambda task: (len(task.needs), -task.seconds))


def run_folder(experiment: Path, spec: BaseSpec | RunSpec) -> RunFolder:
    """Folder of a base or run."""
    room = "bases" if isinstance(spec, BaseSpec) else "runs"
    return RunFolder(experiment / room / spec.run_id)


def _grouped(folder: Path, runs: Sequence[tuple[RunSpec, float]], longest: float) -> Iterator[Task]:
    """Neighbouring runs of one base, together while that lasts no longer than ``longest``."""
    group: list[tuple[RunSpec, float]] = []
    for run, seconds in runs:
        total = sum(s for _, s in group) + seconds
        if group and (group[0][0].base != run.base or total > longest):
            yield _task(folder, group)
            group = []
        group.append((run, seconds))
    if group:
        yield _task(folder, group)


def _task(folder: Path, group: Sequence[tuple[RunSpec, float]]) -> Task:
    return Task(
        tuple(run_folder(folder, run) for run, _ in group),
        sum(seconds for _, seconds in group) + START_SECONDS,
        frozenset({run_folder(folder, group[0][0].base).path}),
    )
