"""How a sweep tells a person where it is: a live table on a terminal, plain lines elsewhere."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mixlaw.sweep.jobs import Task
from mixlaw.train.folder import RunFolder

Say = Callable[[str], None]


@dataclass(frozen=True)
class Glimpse:
    """What a running worker last said of itself.

    Attributes:
        run_id: the run it is at.
        tokens: done.
        total: planned.
        loss: of its last step.
        rate: tokens a second.
    """

    run_id: str
    tokens: int
    total: int
    loss: float
    rate: float

    def __str__(self) -> str:
        done = self.tokens / self.total
        return f"{self.run_id}  {done:4.0%}  loss {self.loss:.3f}  {self.rate:,.0f} tokens/s"


def glimpse(task: Task) -> Glimpse | None:
    """Progress of the task's first run that is not done; None while its process starts."""
    if not task.left:
        return None
    folder = task.left[0]
    try:
        facts = json.loads((folder.path / "progress.json").read_text())
    except (OSError, ValueError):  # not there yet, or half written: the next look will do
        return None
    return Glimpse(run_id=folder.run_id, **facts)


class Lines:
    """One line per run that is done."""

    def __init__(self, folders: Sequence[RunFolder], seconds: float, say: Say) -> None:
        self._left = [folder for folder in folders if not folder.is_done]
        self._n_all, self._seconds, self._say_line = len(folders), seconds, say
        self._start = time.monotonic()
        self._n_left = len(self._left)

    def update(self, running: list[Task]) -> None:
        """Say which runs were finished since the last call."""
        for folder in [folder for folder in self._left if folder.is_done]:
            self._left.remove(folder)
            n_done = self._n_all - len(self._left)
            self.say(f"[{n_done}/{self._n_all}] {summary(folder)}  {self.time_left()}")

    def say(self, message: str) -> None:
        """One line."""
        self._say_line(message)

    def time_left(self) -> str:
        """Time left at the pace so far."""
        finished = self._n_left - len(self._left)
        passed = time.monotonic() - self._start
        left = passed / finished * len(self._left) if finished else self._seconds
        return f"about {duration(left)} left" if self._left else f"in {duration(passed)}"


def summary(folder: RunFolder) -> str:
    """A finished run in one line: its name and its last losses."""
    last = {record.eval_set: record for record in folder.records()}
    losses = "  ".join(
        f"{name} {'diverged' if record.loss is None else f'{record.loss:.3f}'}"
        for name, record in sorted(last.items())
    )
    return f"{folder.run_id}  {losses}"


def duration(seconds: float) -> str:
    """A time as people say it: 45 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
