"""The driver: planned minus done, handed to an executor until nothing is left."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from mixlaw.executors import STOPPED, Executor, Handle
from mixlaw.rundir.folder import RunFolder
from mixlaw.sweep.jobs import Task

#: Seconds between two looks at the jobs: short beside the seconds that a job takes to start.
POLL_SECONDS = 0.1
#: Seconds that a job may take to save and leave before it is killed. A convention, below the 30 s
#: that Slurm gives a process after SIGTERM by default; raising it lets larger models save.
GRACE_SECONDS = 20.0
#: How often in a row a job that a signal or its machine ended is started again from its checkpoint
#: without having got further. A convention: more only delays the report of a job that cannot run.
RETRIES = 2


class Display(Protocol):
    """Shows a person how a sweep goes."""

    def update(self, running: list[Task]) -> None:
        """Called several times a second."""

    @property
    def say(self) -> Callable[[str], None]:
        """Takes one sentence."""


@dataclass(frozen=True)
class Outcome:
    """What became of the tasks.

    Attributes:
        failed: tasks whose process failed, with its exit code.
        interrupted: whether the sweep was stopped or cancelled.
    """

    failed: list[tuple[Task, int]]
    interrupted: bool


def execute(
    tasks: list[Task], executor: Executor, display: Display, stop_file: Path | None = None
) -> Outcome:
    """Run all tasks; a task starts when its bases are done and a slot is free.

    Tasks whose base failed are left out. On the first SIGINT or SIGTERM, or when the stop file is
    there, jobs have to save and leave; on the second signal they are killed. None outlives
    this call.
    """
    work = _Work(tasks, executor, display)
    with _signals() as received:

        def stop_requests() -> int:
            return received() or int(stop_file is not None and stop_file.exists())

        try:
            while work.goes_on and not stop_requests():
                work.start_ready()
                work.take_ended()
                display.update([task for task, _ in work.running])
                time.sleep(POLL_SECONDS)
        finally:
            _stop_all([handle for _, handle in work.running], stop_requests)
        return Outcome(work.failed, interrupted=stop_requests() > 0)


class _Work:
    """The tasks of a sweep: waiting, running, failed."""

    def __init__(self, tasks: list[Task], executor: Executor, display: Display) -> None:
        self.waiting, self.running = list(tasks), list[tuple[Task, Handle]]()
        self.failed: list[tuple[Task, int]] = []
        self._tries: Counter[tuple[RunFolder, ...]] = Counter()
        self._saved: dict[RunFolder, tuple[int, int]] = {}
        self._executor, self._display = executor, display

    @property
    def goes_on(self) -> bool:
        """Whether a task runs or can be started, here or by workers of an earlier driver."""
        return bool(self.running) or any(task.is_ready or task.is_held for task in self.waiting)

    def start_ready(self) -> None:
        """Fill the free slots with tasks whose bases are done."""
        free = max(0, self._executor.slots - len(self.running))
        ready = list(islice((task for task in self.waiting if task.is_ready), free))
        self.waiting = [task for task in self.waiting if task not in ready]
        begun = [task for task in ready if task.left]
        handles = self._executor.start([task.job() for task in begun])
        self.running += zip(begun, handles, strict=True)

    def take_ended(self) -> None:
        """Remove the tasks that have ended from ``running``: done, to be continued, or failed."""
        for task, handle in list(self.running):
            if (code := handle.poll()) is None:
                continue
            self.running.remove((task, handle))
            if task.left and not self._continues(task, code):
                self.failed.append((task, code))

    def _continues(self, task: Task, code: int) -> bool:
        """Put a task back that was ended from outside, unless it makes no progress any more."""
        first = task.left[0]
        saved = first.saved()
        if saved > self._saved.get(first, (0, 0)):
            self._tries[task.folders], self._saved[first] = 0, saved
        if (code >= 0 and code != STOPPED) or self._tries[task.folders] == RETRIES:
            return False
        self._tries[task.folders] += 1
        self._display.say(f"{first.run_id} ended early (exit code {code}); it goes on.")
        self.waiting.insert(0, task)
        return True


def _stop_all(handles: list[Handle], stop_requests: Callable[[], int]) -> None:
    """Stop jobs; kill those that are there after the grace period, or at a second request."""
    for handle in handles:
        handle.stop()
    deadline = time.monotonic() + GRACE_SECONDS
    while any(handle.poll() is None for handle in handles):
        if time.monotonic() > deadline or stop_requests() > 1:
            break
        time.sleep(POLL_SECONDS)
    for handle in handles:
        handle.kill()


@contextmanager
def _signals() -> Iterator[Callable[[], int]]:
    """Count SIGINT and SIGTERM instead of dying of them, while a sweep runs."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _: received.append(got)) for number in numbers]
    try:
        yield lambda: len(received)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
