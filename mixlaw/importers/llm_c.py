"""llm.c: its ``main.log``, lines ``s:100 tel:2.5000`` (tel is the validation loss, trl training).

One unnamed validation loss; the description gives ``tokens_per_step`` (``-d``, the total batch).
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Log, Request
from mixlaw.importers._lines import read_lines_of

EXAMPLE = "s:100 tel:2.3100"
FILES = ("main.log", "*.log")

_LINE = re.compile(r"^s:(?P<step>\d+) (?:tel: ?(?P<loss>\S+)|trl:\S+)")
_WHOLE = re.compile(rb"^s:\d+ (?:tel|trl|eval): ?\S+", re.MULTILINE)


def recognises(path: Path, head: bytes) -> bool:
    """A first line of a step."""
    return _WHOLE.match(head) is not None


def read(paths: Sequence[Path], request: Request) -> Log:
    """Validation losses of one run.

    Raises:
        DataError: a loss is no number, or there is no validation.
    """
    return read_lines_of(paths, request, "llm.c", _LINE)
