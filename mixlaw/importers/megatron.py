"""Megatron-LM, Megatron-Bridge and Megatron-DeepSpeed: standard output, streamed.

Evaluations are lines ``validation[-<set>] loss at iteration N | lm loss value: X | ...``; with
``--multiple-validation-sets`` the set is named by its index or its name, in BigScience's fork it is
``valid`` or any name. The token axis is "consumed tokens" where it is printed, else the consumed
samples. Evaluations on the test set are left out.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Log, Request
from mixlaw.importers._iterations import read_iterations

EXAMPLE = (
    " validation-domain loss at iteration 500 | lm loss value: 2.310000E+00 | lm loss PPL: ..."
)
FILES = ("*.log", "*.out")

_OWN = re.compile(r"iteration +\d+/ *\d+ \| consumed samples: +\d+ \|")
_OWN_EVAL = re.compile(r" loss at iteration \d+[^|]*\|.*?\b(?:lm )?loss value: *[^ |]+ *\|")


def recognises(path: Path, head: bytes) -> bool:
    """A line of a training iteration with its samples, or of an evaluation."""
    text = head.decode("latin-1")
    return bool(_OWN.search(text) or _OWN_EVAL.search(text))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run; a log appended to, or several logs, are those of a resumed run.

    Raises:
        DataError: an evaluation's loss is no number, or there is no evaluation.
    """
    return read_iterations(paths, request, "Megatron-LM")
