"""Hugging Face Trainer's standard output: the dictionaries that it prints.

They hold an epoch and no step. Steps follow from the progress bar of the training, where the output
has it (the first bar), else from ``steps_per_epoch`` or ``tokens_per_epoch`` of the description;
TRL's ``num_tokens`` is the token axis where it is printed. Epochs may be rounded to two digits.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import Metrics, plain, read_lines, to_count, to_number, token_counts

EXAMPLE = "{'eval_domain_loss': 2.31, 'eval_domain_runtime': 3.1, 'epoch': 0.33}"
FILES = ("*.log", "*.out", "*.txt")

_RECORD = re.compile(r"\{'[^{}]*\}")
_ENTRY = re.compile(r"'((?:[^'\\]|\\.)+)': ('?)([^,'}]*)\2(?=[,}])")
_BAR = re.compile(r"(\d+)/(\d+) \[[\d:]+<")
#: Keys of which a printed dictionary of the Trainer has one beside 'epoch'.
_OWN = {"learning_rate", "train_runtime", "grad_norm"}


def recognises(path: Path, head: bytes) -> bool:
    """A printed dictionary with an epoch and a loss."""
    for match in _RECORD.finditer(head.decode("latin-1")):
        keys = set(_entries(match[0]))
        if "epoch" in keys and (keys & _OWN or any(key.startswith("eval_") for key in keys)):
            return True
    return False


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: a loss is no number, or there is none.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        bar = _Bar()
        for number, (line, whole) in enumerate(
            read_lines(path, request.progress, strict=False), start=1
        ):
            text = plain(line)
            end = 0
            for match in _RECORD.finditer(text):
                bar.follow(text[end : match.start()])
                end = match.end()
                record = _entries(match[0])
                place = f"'{path}', line {number}"
                log.evaluations += _evaluations(record, bar, metrics, place)
            bar.follow(text[end:])
            log.truncated |= not whole and "{'" in text[end:]
        log.last_step, log.planned_steps = bar.step or log.last_step, bar.total
    return metrics.close(log, paths[0], "the Trainer prints")


class _Bar:
    """The progress bar of the training: the first one, whose total no bar of an evaluation has."""

    def __init__(self) -> None:
        self.step: float | None = None
        self.total: float | None = None

    def follow(self, text: str) -> None:
        for done, total in _BAR.findall(text):
            self.total = self.total or float(total)
            if float(total) == self.total:
                self.step = float(done)


def _entries(record: str) -> dict[str, str]:
    """Keys and values of a printed dictionary, as texts; newer versions quote the values."""
    return {key: value.strip() for key, _, value in _ENTRY.findall(record)}


def _evaluations(
    record: dict[str, str], bar: _Bar, metrics: Metrics, place: str
) -> list[Evaluation]:
    losses = metrics.losses_in(record)
    if not losses or "epoch" not in record:
        return []
    epoch = to_count(record["epoch"], f"{place}, epoch")
    counts = token_counts(record, place)
    return [
        Evaluation(eval_set, to_number(record[metric], f"{place}, {metric}"), step=bar.step,
                   tokens=next(iter(counts.values()), None), counts=counts, epoch=epoch)
        for metric, eval_set in losses
    ]  # fmt: skip
