"""torchtitan: standard output, lines ``validate step: N  loss: X  memory: ...`` with colours.

There is one validation loss without a name, and no token axis: the description gives
``unnamed_eval_set`` and ``tokens_per_step``.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Log, Request
from mixlaw.importers._lines import read_lines_of
from mixlaw.importers.reading import plain

EXAMPLE = "validate step: 100  loss:  2.3100  memory:  1.20GiB(1.50%)  tps: 5,000"
FILES = ("*.log", "*.out")

_LINE = re.compile(
    r"validate step: +(?P<step>\d+) +loss: +(?P<loss>\S+)(?= +\S)"
    r"|(?<!validate )\bstep: +(?P<trained>\d+) +loss: +\S+(?= +\S)"
)


def recognises(path: Path, head: bytes) -> bool:
    """A line of a step or a validation, with its memory."""
    return bool(_LINE.search(plain(head.decode("latin-1"))))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Validation losses of one run.

    Raises:
        DataError: a loss is no number, or there is no validation.
    """
    return read_lines_of(paths, request, "torchtitan", _LINE)
