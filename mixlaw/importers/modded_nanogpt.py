"""modded-nanogpt: its log and standard output, ``step:100/300 val_loss:2.5000 train_time:...``.

One unnamed validation loss. The batch may grow during a run, and the log does not say its tokens:
the description gives ``tokens_per_step``.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Log, Request
from mixlaw.importers._lines import read_lines_of

EXAMPLE = "step:100/300 val_loss:2.3100 train_time:10000ms step_avg:100.10ms"
FILES = ("*.txt", "*.log")

_LINE = re.compile(
    r"\bstep:(?P<step>\d+)/(?P<planned>\d+) (?:train_loss:\S+ |loss:\S+ )?"
    r"(?:val_loss:(?P<loss>\S+) )?train_time:"
)


def recognises(path: Path, head: bytes) -> bool:
    """A line of a step, with the time of training."""
    return _LINE.search(head.decode("latin-1")) is not None


def read(paths: Sequence[Path], request: Request) -> Log:
    """Validation losses of one run.

    Raises:
        DataError: a loss is no number, or there is no validation.
    """
    return read_lines_of(paths, request, "modded-nanogpt", _LINE)
