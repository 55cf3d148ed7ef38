"""Slurm, through submitit: every job is a batch job, those that start together one job array.

Slurm is the scheduler: jobs wait in its queue, not here. A job that runs into its time limit or is
preempted saves, is requeued and goes on; so it does if the driver is gone, and a later sweep waits
for what it finds running. Whether jobs are alive is read from ``squeue``, which, unlike ``sacct``,
every cluster has.
"""

import logging
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mixlaw.errors import ConfigError, RunError
from mixlaw.executors import STOPPED, Job, Process, Wanted, optional_package
from mixlaw.experiment import Section

log = logging.getLogger(__name__)

#: Jobs that may be in the queue at the same time unless ``workers`` says so. Not measured: many
#: clusters limit jobs per user to some hundreds.
SLOTS = 64
#: Variable with the seconds between two looks at the queue.
LOOK_VARIABLE = "MIXLAW_SQUEUE_SECONDS"
#: The same where it is not set: rare enough for a scheduler that many users ask.
LOOK_SECONDS = 10.0
#: What submitit has Slurm send before a job's time is up, and before it is preempted.
WARNING = signal.SIGUSR2
#: How often submitit may requeue a job: without end, since a job goes on from its checkpoints.
REQUEUES = 10_000


def _minutes(value: Any) -> int:
    """Slurm's own notation: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", str(value))
    if not match:
        raise ValueError(f"'{value}' is no time; write minutes, HH:MM:SS or D-HH:MM:SS")
    days, *parts = (int(part or 0) for part in match.groups())
    units = (60, 1, 1 / 60) if match[1] or match[4] else (1, 1 / 60, 0)
    minutes = 1440 * days + sum(part * unit for part, unit in zip(parts, units, strict=True))
    return max(1, round(minutes))


class Options(Section):
    """Options of this executor; names and notation are those of ``sbatch``.

    Attributes:
        partition: where to queue.
        account: whom to charge.
        qos: quality of service.
        constraint: features that nodes must have.
        time: limit of one job; runs go on over as many jobs as they take.
        mem: memory of a job, such as 16GB.
        cpus_per_task: cores of a job; a worker computes with one thread where it has no GPU.
        array: whether jobs that start together are submitted as one job array.
        requeue: whether jobs that are preempted, or run out of time, go back into the queue.
        signal_delay: seconds before the time limit at which a job is warned, to save.
        setup: shell commands at the start of a job, such as ``module load cuda``.
        sbatch: any other options of ``sbatch``, by their long names.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time: Annotated[int, Field(ge=1), BeforeValidator(_minutes)] = 24 * 60
    mem: str | None = None
    cpus_per_task: Annotated[int, Field(ge=1)] = 1
    array: bool = True
    requeue: bool = True
    signal_delay: Annotated[int, Field(ge=1)] = 120
    setup: tuple[str, ...] = ()
    sbatch: dict[str, str | int | Literal[True]] = Field(default_factory=dict)


@dataclass
class Command:
    """What a batch job does: one process, whose exit code it writes down.

    Attributes:
        job: the command.
        exit_file: for its exit code; a job that stopped may yet be requeued.
        requeue: whether to go back into the queue when time runs out.
    """

    job: Job
    exit_file: Path
    requeue: bool

    def __call__(self) -> None:
        """Run it."""
        self.exit_file.unlink(missing_ok=True)
        # Not in a session of its own: Slurm signals, and ends, the processes of its step.
        process = Process(self.job, own_session=False)
        received: list[int] = []
        requeue = signal.getsignal(WARNING)
        for number in (signal.SIGTERM, WARNING):
            # The process has the same signal from Slurm; a second one could end it as it leaves.
            signal.signal(number, lambda number, _: received.append(number))
        code = process.wait()
        if code == STOPPED and WARNING in received and self.requeue and callable(requeue):
            requeue(WARNING, None)  # submitit's: it does not return
        self.exit_file.write_text(f"{code}\n")

    def checkpoint(self) -> Any:
        """What submitit is to run after the requeue: the same again; the rest is in files."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class SlurmHandle:
    """A job that was submitted.

    Args:
        job_id: its number, with that of the array's task.
        exit_file: where its exit code will stand.
        queue: tells whether it is there.
    """

    def __init__(self, job_id: str, exit_file: Path, queue: "Queue") -> None:
        self._job_id, self._exit_file, self._queue = job_id, exit_file, queue
        self._submitted = time.monotonic()
        self._cancel_code: int | None = None

    def poll(self) -> int | None:
        """Exit code; that of SIGKILL if the queue forgot the job before it wrote one."""
        code = self._written()
        if code is not None and (code != STOPPED or self._cancel_code is not None):
            return code
        if self._queue.has(self._job_id, since=self._submitted):
            return None
        # It may have written its code since, or been requeued and gone on to a better one.
        code = self._written()
        return code if code is not None else self._cancel_code or -signal.SIGKILL

    def stop(self) -> None:
        """As ``scancel`` does: SIGTERM, and SIGKILL after the cluster's KillWait."""
        self._cancel(STOPPED)

    def kill(self) -> None:
        """SIGKILL to all its processes."""
        self._cancel(-signal.SIGKILL, "--signal=KILL")

    def _cancel(self, code: int, *options: str) -> None:
        if self.poll() is None:
            self._cancel_code = code
            _run_slurm_command("scancel", *options, self._job_id)

    def _written(self) -> int | None:
        try:
            return int(self._exit_file.read_text())
        except (FileNotFoundError, ValueError):
            return None


class Queue:
    """This user's jobs as ``squeue`` lists them, called now and then for all of them at once."""

    def __init__(self) -> None:
        self._every = float(os.environ.get(LOOK_VARIABLE, LOOK_SECONDS))
        self._looks: list[tuple[float, frozenset[str]]] = []

    def has(self, job_id: str, since: float) -> bool:
        """Whether a job is there; only two looks in a row without it count as its end.

        Args:
            job_id: its number, with that of the array's task.
            since: when it was submitted; looks from before say nothing about it.
        """
        now = time.monotonic()
        if not self._looks or now - self._looks[-1][0] >= self._every:
            listing = _run_slurm_command("squeue", "--me", "--array", "--noheader", "--format=%i")
            if listing is not None:
                self._looks = [*self._looks[-1:], (now, frozenset(listing.split()))]
        later = [jobs for moment, jobs in self._looks if moment > since]
        return len(later) < 2 or any(job_id in jobs for jobs in later)


class SlurmExecutor:
    """Submits to the cluster of this machine."""

    def __init__(self, submitit: Any, options: Options, wanted: Wanted) -> None:
        self._submitit, self._options, self._wanted = submitit, options, wanted
        self._queue = Queue()

    @property
    def slots(self) -> int:
        """Jobs in the queue at the same time."""
        return self._wanted.workers or SLOTS

    def start(self, jobs: Sequence[Job]) -> list[SlurmHandle]:
        """Submit them, as one array if there are several.

        Raises:
            RunError: Slurm refused.
        """
        batches = [jobs] if self._options.array else [[job] for job in jobs]
        return [handle for batch in batches if batch for handle in self._submit(batch)]

    def close(self) -> None:
        """Nothing is held."""

    def _submit(self, jobs: Sequence[Job]) -> list[SlurmHandle]:
        folder = self._wanted.folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        commands = [
            Command(job, folder / f"{uuid.uuid4().hex}.exit", self._options.requeue) for job in jobs
        ]
        errors = self._submitit.core.utils
        executor = self._submitit.SlurmExecutor(folder, max_num_timeout=REQUEUES)
        executor.update_parameters(**self._parameters(jobs))
        try:
            with executor.batch():
                submitted = [executor.submit(command) for command in commands]
        except (errors.FailedJobError, errors.FailedSubmissionError) as error:
            reason = " ".join(str(error).split())
            raise RunError(f"Slurm refused a job ({reason}); mend executor.slurm.") from None
        return [
            SlurmHandle(str(job.job_id), command.exit_file, self._queue)
            for job, command in zip(submitted, commands, strict=True)
        ]

    def _parameters(self, jobs: Sequence[Job]) -> dict[str, Any]:
        options = self._options
        same = options.model_dump(
            include={"partition", "account", "qos", "constraint", "time", "mem", "cpus_per_task"}
        )
        requeue = "requeue" if options.requeue else "no-requeue"
        parameters = {
            **same,
            "job_name": jobs[0].name if len(jobs) == 1 else f"mixlaw ({len(jobs)} jobs)",
            "gpus_per_node": jobs[0].gpus,
            "signal_delay_s": options.signal_delay,
            "setup": [*options.setup],
            "array_parallelism": self.slots,
            "stderr_to_stdout": True,
            "wckey": None,
            "additional_parameters": {requeue: True, **options.sbatch},
        }
        return {name: value or None for name, value in parameters.items()}


def open_executor(options: Options, wanted: Wanted) -> SlurmExecutor:
    """The cluster of this machine; no command is sent to it yet.

    Raises:
        ConfigError: submitit or Slurm's commands are not installed here.
    """
    submitit = optional_package("submitit")
    if submitit.SlurmExecutor.affinity() < 0:
        raise ConfigError(
            "There is no command 'srun' here; sweep where Slurm's commands are installed, such as "
            "a login node, or choose --executor local."
        )
    return SlurmExecutor(submitit, options, wanted)


def _run_slurm_command(*argv: str) -> str | None:
    """What one of Slurm's commands prints; None if it failed, as it does while Slurm restarts."""
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    if result.returncode:
        log.warning("'%s' failed: %s", " ".join(argv), " ".join(result.stderr.split()))
        return None
    return result.stdout
