"""What the Megatron family prints: lines of iterations, and lines of evaluations at iterations.

``<set> loss at iteration N | lm loss value: X | ...`` is Megatron-LM's, Megatron-Bridge's and
Megatron-DeepSpeed's, ``<set> results at iteration N | lm_loss value: X | ...`` GPT-NeoX's. Lines of
iterations carry the consumed samples, and with DeepSpeed the consumed tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import is_auxiliary, read_lines, refuse_without_losses, to_count

#: Evaluations among which a repeated one is looked for: those of the last iteration alone can be
#: meant, so as many as nobody has eval sets; all of them would make long logs quadratic.
LOOK_BACK = 1000

TRAIN = re.compile(r"\biteration +(\d+)/ *(\d+) \|")
#: What stands between the set and the iteration of an evaluation; looked for as text first, as
#: most lines of a log are of training.
_AT = re.compile(r" (?:loss|results) at iteration (?P<step>\d+)(?P<where>[^|]*)\|")
_SET = re.compile(r"[^|\]:]*$")
_SAMPLES = re.compile(r"consumed samples: +(\d+) \|")
_TOKENS = re.compile(r"consumed tokens: +(\d+) \|")
_BATCH = re.compile(r"global batch size: +(\d+) \|")
_STARTED = re.compile(r"iteration|valid")
_VALUE = re.compile(r"(?:(?P<set>[^| ]+)[_/])?\blm[ _]loss value: *(?P<loss>[^ |]+) *\|")
_BARE_VALUE = re.compile(r"\b(?P<set>)loss value: *(?P<loss>[^ |]+) *\|")
_HELD_OUT = re.compile(r"(?:validation|valid|val)(?:[-_/ ](?P<set>.+))?")


@dataclass
class _Position:
    """Where training stands: from the last line of an iteration."""

    step: float = 0
    samples: float | None = None
    tokens: float | None = None
    batch: float | None = None

    def samples_at(self, step: float) -> float | None:
        """Sequences seen at a step, exact while the batch size does not change."""
        if step == self.step or self.samples is None:
            return self.samples
        if step == 0:
            return 0
        return None if self.batch is None else self.samples + (step - self.step) * self.batch

    def tokens_at(self, step: float) -> float | None:
        """Tokens seen at a step; between logged iterations as many a step as there."""
        if step == self.step or self.tokens is None:
            return self.tokens
        if step == 0:
            return 0
        samples = self.samples_at(step)
        return self.tokens * samples / self.samples if samples and self.samples else None


def read_iterations(paths: Sequence[Path], request: Request, what: str) -> Log:
    """Evaluations of one run; a log appended to, or several logs, are those of a resumed run.

    Args:
        paths: the logs.
        request: what the description asks.
        what: the trainer, for messages.

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
            if "iteration" not in line and whole:
                continue
            log.truncated |= not whole and bool(_STARTED.search(line))
            place = f"'{path}', line {number}"
            if " at iteration " in line and (match := _AT.search(line)):
                for evaluation in _evaluations(place, line, whole, match, position):
                    if match["where"].strip() and _repeats(log, evaluation):
                        again += 1  # the last iteration is evaluated once more at the end
                        continue
                    log.evaluations.append(evaluation)
            elif train := TRAIN.search(line):
                _advance(position, train, line, place)
                log.last_step, log.planned_steps = position.step, to_count(train[2], place)
    if again:
        log.notes.append(f"left out {again} evaluations repeated at the end of training")
    if not log.evaluations:
        raise refuse_without_losses(paths[0], what, ())
    return log


def _advance(position: _Position, train: re.Match[str], line: str, place: str) -> None:
    position.step = to_count(train[1], place)
    for name, pattern in (("samples", _SAMPLES), ("tokens", _TOKENS), ("batch", _BATCH)):
        if found := pattern.search(line):
            setattr(position, name, to_count(found[1], place))


def _evaluations(
    place: str, line: str, whole: bool, match: re.Match[str], position: _Position
) -> list[Evaluation]:
    """The evaluations of a line; none for the test set and for a line that is cut at the end."""
    found = _SET.search(line[: match.start()])
    of_line = found[0].strip() if found else ""
    if "test set" in match["where"] or "test" in of_line:
        return []
    group = _HELD_OUT.fullmatch(of_line)
    of_line = (group["set"] or UNNAMED) if group else of_line
    values = list(_VALUE.finditer(line, match.end()))
    values = values or list(_BARE_VALUE.finditer(line, match.end()))[:1]
    step = to_count(match["step"], place)
    read = []
    for value in values:
        try:
            loss = float(value["loss"])
        except ValueError:
            raise _unreadable(place) from None
        name = value["set"] or of_line
        if not is_auxiliary(name) or not name:
            read.append(
                Evaluation(name, loss, step=step, samples=position.samples_at(step),
                           tokens=position.tokens_at(step))
            )  # fmt: skip
    if not read and whole:
        raise _unreadable(place)
    return read


def _unreadable(place: str) -> DataError:
    return DataError(f"{place}: an evaluation without a readable 'loss value'.")


def _repeats(log: Log, evaluation: Evaluation) -> bool:
    return any(
        e.eval_set == evaluation.eval_set and e.step == evaluation.step
        for e in log.evaluations[-LOOK_BACK:]
    )
