"""nanotron: standard output, ``iteration: N / M | consumed_tokens: 65.5K | ... | lm_loss: 2.31``.

nanotron prints the training loss of the whole mixture, rounded to three digits, and no held-out
loss. It is read as one unnamed set: usable where the description names it, that is, where the run
trained on one corpus. ``consumed_tokens`` is rounded too, so ``tokens_per_step`` is needed.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import read_lines, refuse_without_losses, to_count, to_number

EXAMPLE = "[INFO|DP=0]: iteration: 100 / 500 | consumed_tokens: 205K | lm_loss: 2.31 | lr: 0.0003"
FILES = ("*.log", "*.out")

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LINE = re.compile(r"iteration: (\d+) / (\d+) \|(.*)")


def recognises(path: Path, head: bytes) -> bool:
    """A line of an iteration."""
    text = head.decode("latin-1")
    return bool(_LINE.search(text)) and "consumed_tokens:" in text


def read(paths: Sequence[Path], request: Request) -> Log:
    """Training losses of one run, as one unnamed set.

    Raises:
        DataError: a loss is no number, or there is none.
    """
    log = Log(notes=["nanotron logs the training loss of the mixture, rounded to three digits"])
    for path in paths:
        for number, (line, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            match = _LINE.search(_ANSI.sub("", line))
            if match is None:
                continue
            if not whole:
                log.truncated = True
                break
            fields = dict(part.split(": ", 1) for part in match[3].split(" | ") if ": " in part)
            fields = {name.strip(): value.strip() for name, value in fields.items()}
            if "lm_loss" not in fields:
                raise DataError(f"'{path}', line {number}: an iteration without 'lm_loss'.")
            place = f"'{path}', line {number}"
            log.last_step, log.planned_steps = (to_count(match[i], place) for i in (1, 2))
            loss = to_number(fields["lm_loss"], place)
            log.evaluations.append(Evaluation(UNNAMED, loss, step=log.last_step))
    if not log.evaluations:
        raise refuse_without_losses(paths[0], "nanotron", ())
    return log
