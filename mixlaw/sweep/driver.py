"""The driver: planned minus done, handed to an executor until nothing is left."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from mixlaw.executors import Executor, Handle
from mixlaw.sweep.jobs import Task

POLL_SECONDS = 0.1
#: How long a job may take to save and leave before it is killed.
GRACE_SECONDS = 20.0
#: A job that a signal ended is started again from its checkpoint this often.
RETRIES = 2
#: Exit code of a worker that was asked to stop and did (EX_TEMPFAIL of sysexits.h).
STOPPED = 75


class Display(Protocol):
    """Tells a person how a sweep goes."""

    def update(self, running: list[Task]) -> None:
        """Called several times a second."""

    @property
    def say(self) -> Callable[[str], None]:
        """Takes one sentence."""


@dataclass
class Outcome:
    """What became of the tasks.

    Attributes:
        failed: tasks whose process failed, with its exit code.
        interrupted: whether somebody stopped the sweep.
    """

    failed: list[tuple[Task, int]] = field(default_factory=list)
    interrupted: bool = False


def execute(tasks: list[Task], executor: Executor, display: Display) -> Outcome:
    """Run all tasks; a task starts when its bases are done and a slot is free.

    Tasks whose base failed are left out. On the first SIGINT or SIGTERM jobs are asked to save and
    leave, on the second they are killed; none outlives this call.
    """
    waiting, running = list(tasks), list[tuple[Task, Handle]]()
    outcome, tries = Outcome(), dict.fromkeys((task.folders for task in tasks), 0)
    with _signals() as asked:
        try:
            while waiting or running:
                if asked():
                    outcome.interrupted = True
                    break
                _start_ready(waiting, running, executor)
                for task, handle in list(running):
                    code = handle.poll()
                    if code is None:
                        continue
                    running.remove((task, handle))
                    if not task.left:
                        continue
                    if (code < 0 or code == STOPPED) and tries[task.folders] < RETRIES:
                        tries[task.folders] += 1
                        display.say(f"{task.left[0].run_id} ended early (exit code {code}); it goes on.")
                        waiting.insert(0, task)
                    else:
                        outcome.failed.append((task, code))
                if waiting and not running and not any(task.is_ready for task in waiting):
                    break
                display.update([task for task, _ in running])
                time.sleep(POLL_SECONDS)
        finally:
            _stop_all([handle for _, handle in running], asked)
    return outcome


def _start_ready(
    waiting: list[Task], running: list[tuple[Task, Handle]], executor: Executor
) -> None:
    for task in [task for task in waiting if task.is_ready][: executor.slots - len(running)]:
        waiting.remove(task)
        if task.left:
            running.append((task, executor.start(task.job())))


def _stop_all(handles: list[Handle], asked: Callable[[], int]) -> None:
    """Ask jobs to leave; kill those that have not when the grace ends or the person insists."""
    for handle in handles:
        handle.stop()
    deadline = time.monotonic() + GRACE_SECONDS
    while any(handle.poll() is None for handle in handles):
        if time.monotonic() > deadline or asked() > 1:
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
