"""nanoGPT: standard output, ``step 100: train loss 2.4000, val loss 2.5000``.

One unnamed validation loss; ``tokens per iteration will be: 491,520`` gives the token axis, where
the log begins at its beginning.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Log, Request
from mixlaw.importers._lines import read_lines_of

EXAMPLE = "step 100: train loss 2.4000, val loss 2.3100"
FILES = ("*.log", "*.out", "*.txt")

_EVALUATION = re.compile(r"\bstep (?P<step>\d+): train loss [^ ,]+, val loss (?P<loss>\S+)")
_TOKENS = re.compile(r"tokens per iteration will be: ([\d,]+)")


def recognises(path: Path, head: bytes) -> bool:
    """A line of an evaluation."""
    return _EVALUATION.search(head.decode("latin-1")) is not None


def read(paths: Sequence[Path], request: Request) -> Log:
    """Validation losses of one run.

    Raises:
        DataError: a loss is no number, or there is no validation.
    """
    return read_lines_of(paths, request, "nanoGPT", _EVALUATION, _TOKENS)
