"""Jobs of a sweep: what is not done, grouped for workers; bases first, then longest first."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mixlaw.executors import Job
from mixlaw.experiment import Experiment
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import AnySpec, RunSpec
from mixlaw.sweep.cost import START_SECONDS, cost_of
from mixlaw.sweep.plan import Plan

#: A job should last several times as long as its process takes to start.
SHORTEST_JOB = 4 * START_SECONDS

#: One thread a process: two that spin on a busy machine are 10 to 100 times slower. And glibc keeps
#: freed memory: giving logits back and taking them again costs 15% of a step at 50k parameters.
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
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
        gpus: GPUs of its worker.
        together: runs that take their steps together.
    """

    folders: tuple[RunFolder, ...]
    seconds: float
    needs: frozenset[Path] = frozenset()
    gpus: int = 0
    together: int = 1

    @property
    def is_ready(self) -> bool:
        """Whether every base it needs is there and no process works on it.

        A worker whose driver is gone may still do so: on other machines it finishes its run.
        """
        return all(RunFolder(base).is_done for base in self.needs) and not self.is_held

    @property
    def is_held(self) -> bool:
        """Whether a process works on it."""
        return any(folder.is_held for folder in self.left)

    @property
    def left(self) -> tuple[RunFolder, ...]:
        """Its folders that are not done."""
        return tuple(folder for folder in self.folders if not folder.is_done)

    def job(self) -> Job:
        """The command that trains what is left of it: one worker, or one for each of its GPUs."""
        option = [f"--together={self.together}"] if self.together > 1 else []
        paths = [str(folder.path.resolve()) for folder in self.left]
        workers = (
            ["mixlaw.sweep.gpu_workers", str(self.gpus)]
            if self.gpus > 1
            else ["mixlaw.sweep.worker"]
        )
        return Job(
            name=self.left[0].run_id,
            argv=[sys.executable, "-m", *workers, *option, *paths],
            log=self.left[0].output,
            environment=ENVIRONMENT,
            gpus=self.gpus,
        )


def missing_tasks(
    folder: Path, plan: Plan, experiment: Experiment, speed: float, slots: int
) -> list[Task]:
    """Planned minus done, longest first.

    Args:
        folder: of the experiment.
        plan: all bases and runs.
        experiment: what it is a plan of.
        speed: FLOP/s of one run.
        slots: jobs at the same time.
    """
    seconds = {
        spec.run_id: cost_of(spec, experiment).all_flops / speed
        for spec in plan.specs
        if not run_folder(folder, spec).is_done
    }
    runs = [run for run in plan.runs if run.run_id in seconds]
    longest = max(SHORTEST_JOB, sum(seconds[run.run_id] for run in runs) / (4 * slots))
    together = experiment.executor.together
    tasks: list[Task] = []
    for base in plan.bases:
        mine = [run for run in runs if run.base == base]
        needs = frozenset({run_folder(folder, base).path})
        groups = _grouped(mine, seconds, longest, together)
        if base.run_id in seconds:
            # The base and its first runs share a process: one start less, and nothing waits.
            specs: list[AnySpec] = [base, *(groups.pop(0) if groups else ())]
            tasks.append(_task(folder, specs, seconds))
        tasks += [_task(folder, group, seconds, needs) for group in groups]
    gpus = experiment.executor.gpus_per_run
    tasks = [replace(task, gpus=gpus, together=together) for task in tasks]
    return sorted(tasks, key=lambda task: (len(task.needs), -task.seconds))


def run_folder(experiment: Path, spec: AnySpec) -> RunFolder:
    """Folder of a base or run."""
    room = "runs" if isinstance(spec, RunSpec) else "bases"
    return RunFolder(experiment / room / spec.run_id)


def _grouped(
    runs: Sequence[RunSpec], seconds: Mapping[str, float], longest: float, together: int
) -> list[list[RunSpec]]:
    """Neighbouring runs in one job while that lasts no longer than ``longest``.

    Those that take their steps together are never parted.
    """
    groups: list[list[RunSpec]] = []
    total = math.inf
    for first in range(0, len(runs), together):
        members = runs[first : first + together]
        cost = sum(seconds[run.run_id] for run in members)
        total += cost
        if total > longest:
            groups.append([])
            total = cost
        groups[-1].extend(members)
    return groups


def _task(
    folder: Path,
    specs: Sequence[AnySpec],
    seconds: Mapping[str, float],
    needs: frozenset[Path] = frozenset(),
) -> Task:
    return Task(
        tuple(run_folder(folder, spec) for spec in specs),
        sum(seconds[spec.run_id] for spec in specs) + START_SECONDS,
        needs,
    )
