"""What may interrupt a training loop: requests to stop, checkpoints, and progress for a person.

Nothing here changes what is computed.
"""

import copy
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mixlaw.errors import MixlawError
from mixlaw.executors import PARENT_VARIABLE, STOPPED
from mixlaw.rundir.progress import RunProgress
from mixlaw.train.ranks import rank

#: Variable with the seconds between two checkpoints.
CHECKPOINT_VARIABLE = "MIXLAW_CHECKPOINT_SECONDS"
#: The same where the variable is not set: what a process that is killed loses at the most. Not
#: measured; checkpoints of small proxies take milliseconds, those of large ones are made rarer by
#: ``SAVING_SHARE``.
CHECKPOINT_SECONDS = 20.0
#: Largest part of the time that writing checkpoints may take. A convention: it bounds what a model
#: that fills a disk's bandwidth loses to saving.
SAVING_SHARE = 0.05
#: Seconds between two writings of ``progress.json``: often enough for a live display.
PROGRESS_SECONDS = 0.5
#: Seconds between two looks for the stop file: on a shared disk each look is a message.
LOOK_SECONDS = 1.0


class StoppedError(MixlawError):
    """The process was to stop, saved a checkpoint, and can be continued."""

    exit_code = STOPPED


class Watch:
    """Knows when a process has to stop, when to save, and when to report progress.

    A process stops on a signal, when the process that started it has died, or while the stop file
    is there.

    Args:
        signals: on which this process is to stop.
        stop_file: file that stops the processes of an experiment on every machine that sees it.
    """

    def __init__(
        self, signals: Iterable[signal.Signals] = (), stop_file: Path | None = None
    ) -> None:
        self._reasons: list[str] = []  # to stop; shared with the copies of ``with_own_clock``
        self._stop_file = stop_file
        self._last_look = -LOOK_SECONDS
        self._parent = int(os.environ.get(PARENT_VARIABLE, 0))
        self._every = float(os.environ.get(CHECKPOINT_VARIABLE, CHECKPOINT_SECONDS))
        self._last_save = self._last_report = time.monotonic()
        self._reported_file: Path | None = None
        self._reported_tokens = 0
        for number in signals:
            signal.signal(number, lambda *_: self.request_stop())

    def request_stop(self) -> None:
        """Have the process stop at its next step."""
        self._reasons.append("request")

    @property
    def must_stop(self) -> bool:
        """Whether a stop was requested, or the process that started this one has died."""
        is_orphan = self._parent > 0 and os.getppid() != self._parent
        if is_orphan or self._stop_file_exists():
            self._reasons.append("orphan" if is_orphan else "stop file")
        return bool(self._reasons)

    def with_own_clock(self) -> "Watch":
        """A copy for one of several runs that train together: it stops when the others do."""
        return copy.copy(self)

    def stop_if_requested(self) -> None:
        """For a moment at which nothing is in training.

        Raises:
            StoppedError: the process has to stop.
        """
        if self.must_stop:
            raise StoppedError("Stopped before it began; it can continue.")

    def checkpoint_due(self) -> bool:
        """Whether it is time to save; a yes starts the next interval."""
        now = time.monotonic()
        if now - self._last_save < self._every:
            return False
        self._last_save = now
        return True

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Around a checkpoint: the longer it takes to write, the longer until the next one.

        An interval that the environment sets stays as it is.
        """
        begun = time.monotonic()
        yield
        self._last_save = time.monotonic()
        if CHECKPOINT_VARIABLE not in os.environ:
            self._every = max(CHECKPOINT_SECONDS, (self._last_save - begun) / SAVING_SHARE)

    def report(self, file: Path, tokens: int, total: int, loss: float) -> None:
        """Write a run's progress, twice a second at the most.

        Args:
            file: ``progress.json`` of the run.
            tokens: trained on so far.
            total: tokens planned.
            loss: of the last step, nats per token.
        """
        if rank() > 0:
            return
        now = time.monotonic()
        if file != self._reported_file or tokens < self._reported_tokens:
            # Another run, or a part of it again: a rate needs two reports of one thing.
            self._reported_file, self._last_report, self._reported_tokens = file, now, tokens
        seconds = now - self._last_report
        if seconds < PROGRESS_SECONDS:
            return
        rate = (tokens - self._reported_tokens) / seconds
        self._last_report, self._reported_tokens = now, tokens
        RunProgress(tokens, total, round(loss, 4), round(rate)).write(file)

    def _stop_file_exists(self) -> bool:
        now = time.monotonic()
        if self._stop_file is None or now - self._last_look < LOOK_SECONDS:
            return False
        self._last_look = now
        return self._stop_file.exists()
