"""Megatron-LM (and Megatron-Bridge): standard output, streamed, whatever its size.

Evaluations are lines ``validation[-<set>] loss at iteration N | lm loss value: X | ...``; with
``--multiple-validation-sets`` the set is named by its index or its name. The lines of training
iterations carry the consumed samples. Evaluations on the test set are left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import read_lines, refuse_without_losses, to_count

EXAMPLE = (
    " validation-domain loss at iteration 500 | lm loss value: 2.310000E+00 | lm loss PPL: ..."
)
FILES = ("*.log", "*.out")

#: Evaluations among which a repeated one is looked for: those of the last iteration alone can be
#: meant, so as many as nobody has eval sets; all of them would make long logs quadratic.
LOOK_BACK = 1000

_TRAIN = re.compile(r"iteration +(\d+)/ *(\d+) \| consumed samples: +(\d+) \|")
_BATCH = re.compile(r"global batch size: +(\d+) \|")
_EVAL = re.compile(
    r"validation(?:-(?P<set>.+?))? loss at iteration (?P<step>\d+)(?P<where>[^|]*)\|"
)
_STARTED = re.compile(r"iteration|validation")
_VALUE = re.compile(r"\b(?:lm )?loss value: *(?P<loss>[^ |]+) *\|")


@dataclass
class _Position:
    """Where training stands: from the last line of an iteration."""

    step: float = 0
    samples: float = 0
    batch: float | None = None

    def samples_at(self, step: float) -> float | None:
        """Sequences seen at a step, exact while the batch size does not change."""
        if step == self.step:
            return self.samples
        if step == 0:
            return 0
        return None if self.batch is None else self.samples + (step - self.step) * self.batch


def recognises(path: Path, head: bytes) -> bool:
    """A line of a training iteration or of an evaluation."""
    text = head.decode("latin-1")
    return bool(_TRAIN.search(text) or (_EVAL.search(text) and _VALUE.search(text)))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run; a log appended to, or several logs, are those of a resumed run.

    Raises:
        DataError: an evaluation's loss is no number, or there is no evaluation.
    """
    log = Log()
    again = 0
    for path in paths:
        position = _Position()
        for number, (line, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            log.truncated |= not whole and bool(_STARTED.search(line))
            if train := _TRAIN.search(line):
                place = f"'{path}', line {number}"
                _advance(position, train, line, place)
                log.last_step, log.planned_steps = position.step, to_count(train[2], place)
            elif match := _EVAL.search(line):
                evaluation = _evaluation(path, number, line, whole, match, position)
                if evaluation is None:
                    continue
                if match["where"].strip() and _repeats(log, evaluation):
                    again += 1  # at the end of training the last iteration is evaluated once more
                    continue
                log.evaluations.append(evaluation)
    if again:
        log.notes.append(f"left out {again} evaluations repeated at the end of training")
    if not log.evaluations:
        raise refuse_without_losses(paths[0], "Megatron-LM", ())
    return log


def _advance(position: _Position, train: re.Match[str], line: str, place: str) -> None:
    position.step, position.samples = to_count(train[1], place), to_count(train[3], place)
    if batch := _BATCH.search(line):
        position.batch = to_count(batch[1], place)


def _evaluation(
    path: Path,
    number: int,
    line: str,
    whole: bool,
    match: re.Match[str],
    position: _Position,
) -> Evaluation | None:
    """The evaluation of a line; None for the test set and for a line that is cut at the end."""
    if "test set" in match["where"]:
        return None
    value = _VALUE.search(line, match.end())
    try:
        loss = float(value["loss"]) if value else None
    except ValueError:
        loss = None
    if loss is None:
        if not whole:
            return None
        raise DataError(f"'{path}', line {number}: an evaluation without a readable 'loss value'.")
    step = to_count(match["step"], f"'{path}', line {number}")
    samples = position.samples_at(step)
    return Evaluation(match["set"] or UNNAMED, loss, step=step, samples=samples)


def _repeats(log: Log, evaluation: Evaluation) -> bool:
    return any(
        e.eval_set == evaluation.eval_set and e.step == evaluation.step
        for e in log.evaluations[-LOOK_BACK:]
    )
