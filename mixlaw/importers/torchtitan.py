"""torchtitan: standard output, lines ``validate step: N  loss: X  memory: ...`` with colours.

There is one validation loss without a name, and no token axis: the description gives
``unnamed_eval_set`` and ``tokens_per_step``.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import read_lines, refuse_without_losses, to_count, to_number

EXAMPLE = "validate step: 100  loss:  2.3100  memory:  1.20GiB(1.50%)  tps: 5,000"
FILES = ("*.log", "*.out")

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"(validate )?step: +(\d+) +loss: +(\S+)(?= +\S)")
_CUT = re.compile(r"(validate )?step:[^|]*$")


def recognises(path: Path, head: bytes) -> bool:
    """A line of a step or a validation."""
    return bool(_LINE.search(_ANSI.sub("", head.decode("latin-1"))))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Validation losses of one run.

    Raises:
        DataError: a loss is no number, or there is no validation.
    """
    log = Log()
    for path in paths:
        for number, (line, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            text = _ANSI.sub("", line)
            match = _LINE.search(text)
            if not whole and (match or _CUT.search(text)):
                log.truncated = True
                break
            if match is None:
                continue
            place = f"'{path}', line {number}"
            log.last_step = to_count(match[2], place)
            if match[1]:
                loss = to_number(match[3], place)
                log.evaluations.append(Evaluation(UNNAMED, loss, step=log.last_step))
    if not log.evaluations:
        raise refuse_without_losses(paths[0], "torchtitan", ())
    return log
