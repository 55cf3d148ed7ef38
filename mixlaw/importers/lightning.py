"""Lightning: ``metrics.csv`` of its CSV logger, a row per training log or validation.

A row of validation has ``val_loss`` (or ``val_<set>_loss``, ``val/loss``) and the logger's
``step``, which counts optimiser steps from 0: the step after it is done.
"""

from collections.abc import Sequence
from pathlib import Path

from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import (
    Metrics,
    read_csv,
    to_count,
    to_number,
    token_counts,
)

EXAMPLE = "epoch,step,train_loss,val_domain_loss,val_general_loss"
FILES = ("metrics.csv",)


def recognises(path: Path, head: bytes) -> bool:
    """A CSV header with epoch, step and a loss, and no counter of litgpt's."""
    header = head.split(b"\n", 1)[0].decode("latin-1").strip().split(",")
    is_loss = any("loss" in name for name in header)
    return {"epoch", "step"} <= set(header) and is_loss and "iter_time" not in header


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: corrupt inside, or no held-out loss.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        table = read_csv(path, request.progress)
        for number, row in table.rows:
            if not table.ended:  # Lightning ends every line, so this one was cut
                log.truncated = True
                break
            filled = {name: cell for name, cell in row.items() if cell}
            losses = metrics.losses_in(filled)
            if "step" not in filled and not losses:
                continue
            place = f"'{path}', row {number}"
            log.last_step = to_count(row.get("step", ""), f"{place}, column step") + 1
            counts = token_counts(filled, place)
            log.evaluations += [
                Evaluation(eval_set, to_number(row[metric], place), step=log.last_step,
                           tokens=next(iter(counts.values()), None), counts=counts)
                for metric, eval_set in losses
            ]  # fmt: skip
        log.truncated |= table.cut
    return metrics.close(log, paths[0], "Lightning")
