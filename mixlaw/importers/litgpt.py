"""litgpt: ``metrics.csv`` of its CSV logger (Lightning's).

Rows of training have ``iter`` and ``total_tokens``; a row of validation has ``val_loss`` and only
the logger's ``step``: the iteration minus one, and at the final validation the iteration itself.
``total_tokens`` is proportional to ``iter``, so tokens per iteration follow from the training rows.
"""

from collections.abc import Sequence
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import read_csv, refuse_without_losses, to_count, to_number

EXAMPLE = "iter,learning_rate,loss,step,total_tokens,val_loss,val_ppl"
FILES = ("metrics.csv",)


def recognises(path: Path, head: bytes) -> bool:
    """A CSV header with the logger's column names."""
    header = head.split(b"\n", 1)[0].strip().split(b",")
    return b"total_tokens" in header and b"iter_time" in header


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: corrupt inside, or no ``val_loss``.
    """
    log = Log()
    columns: set[str] = set()
    for path in paths:
        table = read_csv(path, request.progress)
        columns.update(table.header)
        per_iteration: float | None = None
        losses: list[tuple[float, float]] = []
        for number, row in table.rows:
            if table.open_end:  # Lightning ends every line, so this one was cut
                table.cut = True
                break
            place = f"'{path}', row {number}"
            if row.get("total_tokens") and row.get("iter"):
                iteration = to_count(row["iter"], place)
                per_iteration = to_count(row["total_tokens"], place) / max(iteration, 1)
                log.last_step = iteration
            if row.get("val_loss"):
                step = to_count(row.get("step"), place)
                losses.append((step, to_number(row["val_loss"], place)))
        log.truncated |= table.cut
        log.evaluations += _evaluations(losses, per_iteration, log.last_step)
    if not log.evaluations:
        raise refuse_without_losses(paths[0], "litgpt", columns)
    return log


def _evaluations(
    losses: list[tuple[float, float]], per_iteration: float | None, last: float | None
) -> list[Evaluation]:
    """Evaluations by iterations done; the step of the final validation is not one behind."""
    if per_iteration is None:
        raise DataError("The litgpt log has no row with iter and total_tokens, so no token axis.")
    done = [step + 1 for step, _ in losses]
    if losses and last is not None and losses[-1][0] >= last:
        done[-1] = losses[-1][0]
    return [
        Evaluation(UNNAMED, loss, step=iteration, tokens=round(iteration * per_iteration))
        for iteration, (_, loss) in zip(done, losses, strict=True)
    ]
