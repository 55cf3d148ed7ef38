"""NeMo 2: the console, ``Training epoch 0, iteration 99/299 | ... | val_loss: 2.31``.

A line of training carries the last validation loss that there was, so a loss is taken where it
changes, and belongs to the line before: the validation came between the two. Steps count from 0 in
``iteration`` and ``global_step``; ``consumed_samples`` is the better axis. Losses have four digits.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import Metrics, plain, read_lines, to_count, to_number

EXAMPLE = (
    "Training epoch 0, iteration 99/299 | global_step: 99 | consumed_samples: 3200 | val_loss: 2.31"
)
FILES = ("*.log", "*.out", "*.txt")

_LINE = re.compile(r"Training epoch \d+, iteration (?P<step>\d+)/(?P<last>\d+) \|(?P<fields>.*)")


def recognises(path: Path, head: bytes) -> bool:
    """A line of a training iteration."""
    return bool(_LINE.search(head.decode("latin-1")))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Validation losses of one run.

    Raises:
        DataError: a number is none, or there is no validation.
    """
    log = Log(notes=["NeMo prints losses with four digits, on the line after a validation"])
    metrics = Metrics(request.losses)
    for path in paths:
        before: tuple[float, float | None] = (0.0, 0.0)
        last: dict[str, str] = {}
        for number, (line, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            match = _LINE.search(plain(line))
            if match is None:
                continue
            if not whole:
                log.truncated = True
                break
            place = f"'{path}', line {number}"
            fields = dict(
                part.split(": ", 1) for part in match["fields"].split(" | ") if ": " in part
            )
            fields = {name.strip(): value.strip() for name, value in fields.items()}
            for metric, eval_set in metrics.losses_in(fields):
                if last.get(metric) != fields[metric]:
                    loss = to_number(fields[metric], place)
                    step, samples = before
                    log.evaluations.append(Evaluation(eval_set, loss, step=step, samples=samples))
                last[metric] = fields[metric]
            before = (_steps(match, fields, place), _samples(fields, place))
            log.last_step = before[0]
            log.planned_steps = to_count(match["last"], place) + 1
    return metrics.close(log, paths[0], "NeMo")


def _steps(match: re.Match[str], fields: dict[str, str], place: str) -> float:
    """Steps done after a line; ``iteration`` starts again in every epoch."""
    return to_count(fields.get("global_step", match["step"]), place) + 1


def _samples(fields: dict[str, str], place: str) -> float | None:
    text = fields.get("consumed_samples")
    return None if text is None else to_count(text, place)
