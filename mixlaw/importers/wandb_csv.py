"""Weights & Biases: the CSV that a chart of the web interface exports.

Header: the x axis (``Step``, or another metric), then per run ``<run> - <metric>``, and the same
with ``__MIN`` and ``__MAX``; no line end after the last row. Rows stand as they were logged, so a
step back is a resumed run. Runs are told apart by their described names; W&B does not keep names
unique, and two runs of one name are two equal columns, which are refused.
"""

from collections.abc import Sequence
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    OPEN_END,
    SAMPLES,
    STEPS,
    TOKENS,
    Metrics,
    read_csv,
    to_count,
    to_number,
)

EXAMPLE = '"Step","r30 - eval/domain_loss","r30 - eval/domain_loss__MIN",...'
FILES = ("*.csv",)

_SEPARATOR = " - "
_EXTREMES = ("__MIN", "__MAX")
_AXES = ("step", "samples", "tokens")


def recognises(path: Path, head: bytes) -> bool:
    """A header with ``<run> - <metric>`` and its extremes."""
    header = head.split(b"\n", 1)[0].decode("latin-1")
    names = [name.strip().strip('"') for name in header.split(",")]
    return path.suffix == ".csv" and any(
        _SEPARATOR in name and f"{name}__MIN" in names for name in names
    )


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of the runs of one or more exported charts.

    Raises:
        DataError: an x axis that counts nothing, a cell that is no number, or no held-out loss.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        table = read_csv(path, request.progress)
        axis = _axis(path, table.header[0], log)
        columns = [_column(name, request) for name in table.header[1:]]
        losses = [
            (name, run, eval_set)
            for name, (run, metric) in zip(table.header[1:], columns, strict=True)
            for _, eval_set in metrics.losses_in([metric])
        ]
        for number, row in table.rows:
            flag = OPEN_END if table.open_end else ""
            for name, run, eval_set in losses:
                if not row[name]:
                    continue
                place = f"'{path}', row {number}"
                x = to_count(row[table.header[0]], place)
                loss = to_number(row[name], place)
                step, samples, tokens = (x if axis == a else None for a in _AXES)
                log.evaluations.append(Evaluation(eval_set, loss, step, samples, tokens, run, flag))
        log.truncated |= table.cut
    return metrics.close(log, paths[0], "a W&B chart of known trainers")


def _axis(path: Path, name: str, log: Log) -> str:
    """What the x axis counts: tokens, samples or step."""
    if name in TOKENS:
        return "tokens"
    if name.removeprefix("train/") in SAMPLES:
        return "samples"
    if name in STEPS:
        return "step"
    if name == "Step":
        log.notes.append(
            "the x axis is W&B's own Step, taken as the training step; the Hugging Face Trainer "
            "needs train/global_step as the x axis of the chart"
        )
        return "step"
    raise DataError(
        f"'{path}': the x axis '{name}' counts neither tokens nor steps; choose another in W&B."
    )


def _column(name: str, request: Request) -> tuple[str, str]:
    """(run, metric) of a column; the described names decide where a run's name ends."""
    if name.endswith(_EXTREMES):
        return name, ""
    for run in sorted(request.runs, key=len, reverse=True):
        if name.startswith(run + _SEPARATOR):
            return run, name.removeprefix(run + _SEPARATOR)
    run, _, metric = name.rpartition(_SEPARATOR)
    return run, metric
