"""What a person sees of a sweep: live lines on a terminal, plain ones elsewhere."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mixlaw.quantities import format_quantity, percent
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import RunSpec
from mixlaw.sweep.jobs import Task

Say = Callable[[str], None]
#: Characters of the bar of a run.
BAR = 16


class Lines:
    """One line per run that is done, with the time left.

    Args:
        seconds: estimated time of every base and run, by folder.
        slots: runs at the same time.
        say: called with each line.
    """

    def __init__(self, seconds: Mapping[RunFolder, float], slots: int, say: Say) -> None:
        self._seconds, self._slots, self.say = seconds, slots, say
        self._left = [folder for folder in seconds if not folder.is_done]
        self._planned = sum(seconds[folder] for folder in self._left)
        self._start = time.monotonic()

    def update(self, running: list[Task]) -> None:
        """Say which runs were finished since the last call."""
        for folder in [folder for folder in self._left if folder.is_done]:
            self._left.remove(folder)
            n_all = len(self._seconds)
            place = f"[{n_all - len(self._left)}/{n_all}]"
            self.say(f"{place} {summary(folder)}  {self.time_left(running)}")

    def showing(self) -> AbstractContextManager[Any]:
        """What must be open while it is updated."""
        return nullcontext()

    def time_left(self, running: list[Task]) -> str:
        """Time left: by the estimate at first, then by the pace so far."""
        passed = time.monotonic() - self._start
        if not self._left:
            return f"done in {duration(passed)}"
        left = sum(self._seconds[folder] for folder in self._left)
        for folder in (task.left[0] for task in running if task.left):
            progress = folder.progress
            left -= progress.fraction * self._seconds[folder] if progress else 0.0
        done = self._planned - left
        # The first tenth says little: processes start, and the longest runs are not done. What
        # runs there are say how fast they go.
        early = self._slowness(running) / self._slots
        pace = passed / done if done > 0.1 * self._planned else early
        return f"about {duration(left * pace)} left"

    def _slowness(self, running: list[Task]) -> float:
        """How many times as long as estimated the runs in training take at their present rate."""
        ratios = []
        for folder in (task.left[0] for task in running if task.left):
            progress = folder.progress
            if progress and progress.rate > 0 and self._seconds[folder] > 0:
                ratios.append(progress.total / progress.rate / self._seconds[folder])
        return sum(ratios) / len(ratios) if ratios else 1.0


class Live(Lines):
    """As ``Lines``, and below them one line per run in progress, kept up to date."""

    def __init__(self, seconds: Mapping[RunFolder, float], slots: int) -> None:
        from rich.console import Console
        from rich.live import Live as LiveDisplay

        self._display = LiveDisplay(console=Console(stderr=True), transient=True)
        console = self._display.console
        super().__init__(seconds, slots, lambda line: console.print(line, highlight=False))

    def update(self, running: list[Task]) -> None:
        """Also redraw the lines of what is running."""
        from rich.text import Text

        super().update(running)
        folders = [task.left[0] for task in running if task.left]
        lines = [f"  {label(f):<24}{_bar(f)} {f.progress or 'starts'}" for f in folders]
        n_done = len(self._seconds) - len(self._left)
        head = f"{n_done} of {len(self._seconds)} done, {self.time_left(running)}"
        self._display.update(Text("\n".join([head, *lines])))

    def showing(self) -> AbstractContextManager[Any]:
        """The display on the terminal."""
        return self._display


def label(folder: RunFolder) -> str:
    """A base or run as a person calls it: ``101k, 10% domain``; its seed where it is no first."""
    spec = folder.spec()
    size = format_quantity(spec.shape.n_params)
    seed = getattr(spec, "seed", 0)
    replicate = f", seed {seed}" if seed else ""
    if not isinstance(spec, RunSpec):
        return f"{size} base{replicate}"
    share = f"{percent(spec.domain_ratio)} domain"
    return f"{size}, {share}{replicate}"


def _bar(folder: RunFolder) -> str:
    """How far a run is, drawn."""
    progress = folder.progress
    done = round(BAR * progress.fraction) if progress else 0
    return "█" * done + "░" * (BAR - done)


def summary(folder: RunFolder) -> str:
    """A finished run in one line: what it was and its last losses."""
    last = {record.eval_set: record for record in folder.records()}
    losses = "  ".join(
        f"{name} {'diverged' if record.loss is None else f'{record.loss:.3f}'}"
        for name, record in sorted(last.items())
    )
    return f"{label(folder):<24}{losses}"


def duration(seconds: float) -> str:
    """A time as people say it: 45 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
