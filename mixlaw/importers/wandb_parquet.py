"""Weights & Biases: the ``<run>-history:v0`` artifact, a Parquet file of one run's whole history.

Unlike a chart's CSV or ``history()``, which sample, it holds every logged row.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    SAMPLES,
    STEPS,
    TOKENS,
    Metrics,
    eval_set_of,
    to_count,
    to_number,
    token_counts,
)

EXAMPLE = "columns _step, train/global_step, eval/domain_loss, eval/general_loss"
FILES = ("*.parquet",)

_OWN_STEP = "_step"
_SAMPLES = (*SAMPLES, *(f"train/{name}" for name in SAMPLES))


def recognises(path: Path, head: bytes) -> bool:
    """A Parquet file with W&B's ``_step`` column."""
    if head[:4] != b"PAR1":
        return False
    import pyarrow.parquet as pq

    try:
        return _OWN_STEP in pq.read_schema(path).names
    except (OSError, ValueError):
        return False


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: no readable Parquet (a cut one has no index and cannot be read), or no losses.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        for row in _rows(path, request, metrics):
            measured = {name: value for name, value in row.items() if value is not None}
            losses = metrics.losses_in(measured)
            if not losses:
                continue
            step = _first(row, (*STEPS, _OWN_STEP))
            samples = _first(row, _SAMPLES)
            counts = token_counts(row, f"'{path}'")
            tokens = next(iter(counts.values()), None)
            for metric, eval_set in losses:
                loss = to_number(row[metric], f"'{path}', {metric}")
                log.evaluations.append(
                    Evaluation(eval_set, loss, step, samples, tokens, counts=counts)
                )
    return metrics.close(log, paths[0], "a W&B history of known trainers")


def _rows(path: Path, request: Request, metrics: Metrics) -> list[dict[str, Any]]:
    """Rows with the losses and the counters only; other columns may be huge."""
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        metrics.seen.update(names)
        known = {_OWN_STEP, *STEPS, *TOKENS, *_SAMPLES}
        wanted = [n for n in names if n in known or eval_set_of(n, request.losses) is not None]
        table = pq.read_table(path, columns=wanted)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"'{path}' cannot be read as Parquet: {reason}.") from None
    request.progress(path.stat().st_size)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _first(row: Mapping[str, Any], names: Sequence[str]) -> float | None:
    return next((to_count(row[n], f"column '{n}'") for n in names if row.get(n) is not None), None)
