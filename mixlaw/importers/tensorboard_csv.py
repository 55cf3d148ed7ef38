"""TensorBoard: the CSV that its web page downloads for one scalar, ``Wall time,Step,Value``.

The tag stands in the file's name alone (``run-r30-tag-eval_domain_loss.csv``); a file that was
renamed has one unnamed set. Several files of one run are its several sets.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import (
    OPEN_END,
    Metrics,
    read_csv,
    to_count,
    to_number,
)

EXAMPLE = "Wall time,Step,Value"
FILES = ("*tag-*.csv",)

_COLUMNS = ["Wall time", "Step", "Value"]
_TAG = re.compile(r".*?tag-(?P<tag>.+)")


def recognises(path: Path, head: bytes) -> bool:
    """The header of a downloaded scalar."""
    return head.split(b"\n", 1)[0].decode("latin-1").strip().split(",") == _COLUMNS


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run.

    Raises:
        DataError: another header, a cell that is no number, or a tag that is no held-out loss.
    """
    log = Log()
    metrics = Metrics(request.losses)
    for path in paths:
        table = read_csv(path, request.progress)
        if table.header != _COLUMNS:
            raise DataError(f"'{path}' is no scalar of TensorBoard: it has other columns.")
        eval_set = _eval_set(path, metrics)
        if eval_set is None:
            log.notes.append(f"left out {path.name}: its tag is no held-out loss")
            continue
        for number, row in table.rows:
            place = f"'{path}', row {number}"
            log.evaluations.append(
                Evaluation(eval_set, to_number(row["Value"], place),
                           step=to_count(row["Step"], place),
                           flag=OPEN_END if table.open_end else "")
            )  # fmt: skip
        log.truncated |= table.cut
    return metrics.close(log, paths[0], "TensorBoard loggers of known trainers")


def _eval_set(path: Path, metrics: Metrics) -> str | None:
    """The set of the tag in a file's name, in which ``/`` is written ``_``."""
    tag = _TAG.fullmatch(path.stem)
    if tag is None:
        return UNNAMED
    losses = metrics.losses_in([tag["tag"]])
    return losses[0][1] if losses else None
