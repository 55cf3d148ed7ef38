"""The watch beside a training loop: when to stop, when to save, what to tell a person.

Nothing here changes what is computed.
"""

import copy
import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mixlaw.errors import MixlawError
from mixlaw.executors import PARENT_VARIABLE, STOPPED
from mixlaw.train.distributed import rank

#: Variable with the seconds between two checkpoints.
CHECKPOINT_VARIABLE = "MIXLAW_CHECKPOINT_SECONDS"
CHECKPOINT_SECONDS = 20.0
#: Part of the time that checkpoints may take, those of models that fill a disk's bandwidth too.
SAVING_SHARE = 0.05
PROGRESS_SECONDS = 0.5
#: How often a file that says stop is looked for: on a shared disk each look is a message.
LOOK_SECONDS = 1.0


class StoppedError(MixlawError):
    """The process was told to stop, saved a checkpoint, and can be continued."""

    exit_code = STOPPED


class Watch:
    """Signals, the life of the process that started this one, a file that says stop, the clock.

    Args:
        signals: that ask this process to stop.
        stop_file: the same, from whoever can write it; on any machine that sees the file.
    """

    def __init__(
        self, signals: Iterable[signal.Signals] = (), stop_file: Path | None = None
    ) -> None:
        self._reasons: list[str] = []  # to stop; shared by watches that are beside each other
        self._stop_file = stop_file
        self._looked = -LOOK_SECONDS
        self._parent = int(os.environ.get(PARENT_VARIABLE, 0))
        self._every = float(os.environ.get(CHECKPOINT_VARIABLE, CHECKPOINT_SECONDS))
        self._saved = self._told = time.monotonic()
        self._path: Path | None = None
        self._tokens_told = 0
        for number in signals:
            signal.signal(number, lambda *_: self.ask_to_stop())

    def ask_to_stop(self) -> None:
        """Stop at the next step."""
        self._reasons.append("asked")

    @property
    def must_stop(self) -> bool:
        """Whether somebody asked, or the process that started this one has died."""
        is_alone = self._parent > 0 and os.getppid() != self._parent
        if is_alone or self._finds_stop_file():
            self._reasons.append("alone" if is_alone else "stop file")
        return bool(self._reasons)

    def beside(self) -> "Watch":
        """The same watch, with a clock of its own, for one of several runs that go together."""
        return copy.copy(self)

    def _finds_stop_file(self) -> bool:
        now = time.monotonic()
        if self._stop_file is None or now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        return self._stop_file.exists()

    def stop_if_asked(self) -> None:
        """For moments at which nothing is in training.

        Raises:
            StoppedError: it must stop.
        """
        if self.must_stop:
            raise StoppedError("Stopped before it began; it can continue.")

    def checkpoint_due(self) -> bool:
        """Whether it is time to save; asking starts the next interval."""
        now = time.monotonic()
        if now - self._saved < self._every:
            return False
        self._saved = now
        return True

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Around a checkpoint: the longer it takes to write, the longer until the next one.

        An interval that the environment asks for is kept.
        """
        begun = time.monotonic()
        yield
        self._saved = time.monotonic()
        if CHECKPOINT_VARIABLE not in os.environ:
            self._every = max(CHECKPOINT_SECONDS, (self._saved - begun) / SAVING_SHARE)

    def tell(self, path: Path, tokens: int, total: int, loss: float) -> None:
        """Write ``progress.json`` twice a second: tokens done and planned, loss, tokens/s."""
        if rank() > 0:
            return
        now = time.monotonic()
        if path != self._path or tokens < self._tokens_told:
            # Another run, or a leg of it again: a rate needs two looks at one thing.
            self._path, self._told, self._tokens_told = path, now, tokens
        if now - self._told < PROGRESS_SECONDS:
            return
        rate = (tokens - self._tokens_told) / (now - self._told)
        self._told, self._tokens_told = now, tokens
        facts = {"tokens": tokens, "total": total, "loss": round(loss, 4), "rate": round(rate)}
        # A reader that meets half a line waits for the next; an fsync twice a second costs more.
        path.write_text(json.dumps(facts))
