"""GPT-NeoX: standard output, ``validation results at iteration N | lm_loss value: X | ...``.

Lines of training begin with the samples a second and carry no counter but the iteration, so the
description gives ``tokens_per_step`` (train batch size x sequence length).
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Log, Request
from mixlaw.importers._iterations import read_iterations

EXAMPLE = (
    " validation results at iteration 500 | lm_loss value: 2.310000E+00 | lm_loss_ppl value: ..."
)
FILES = ("*.log", "*.out", "*.txt")

_OWN = re.compile(
    r"samples/sec: [\d.]+ \| iteration +\d+/ *\d+ \|"
    r"| (?:loss|results) at iteration \d+[^|]*\|[^\n]*lm_loss value: *[^ |]+ *\|"
)


def recognises(path: Path, head: bytes) -> bool:
    """A line of a training iteration that begins with its speed, or of an evaluation."""
    return bool(_OWN.search(head.decode("latin-1")))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run; a log appended to, or several logs, are those of a resumed run.

    Raises:
        DataError: an evaluation's loss is no number, or there is no evaluation.
    """
    return read_iterations(paths, request, "GPT-NeoX")
