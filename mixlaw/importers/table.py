"""Plain CSV or JSONL, long or wide, with the column map of the description.

``columns`` maps a column of the runs table to one of the file (``{run_id: run, tokens: D}``). A
long table has one row per eval set (``eval_set``, ``loss``); a wide one has a column per eval set,
named by ``eval_sets`` (``{val_code: domain, val_web: general}``). Columns of the runs table's own
names need no map, ``step`` counts training steps, and the rest is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log, Request
from mixlaw.importers.reading import (
    OPEN_END,
    is_perplexity,
    read_csv,
    read_json_lines,
    to_count,
    to_number,
)

EXAMPLE = "run_id,n_params,tokens,share.domain,share.general,eval_set,loss"
FILES = ()

_AXES = ("step", "samples", "tokens")


def recognises(path: Path, head: bytes) -> bool:
    """A header that names run, tokens and loss; other tables are named by the user."""
    header = head.split(b"\n", 1)[0]
    return path.suffix == ".csv" and all(name in header for name in (b"run_id", b"tokens", b"loss"))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of the runs in the table.

    Raises:
        DataError: a mapped column is missing, a cell is no number, or perplexities for losses.
    """
    log = Log(ordered=False)
    for path in paths:
        for number, row in _records(path, request, log):
            log.evaluations += _evaluations(f"'{path}', row {number}", row, request)
    if not log.evaluations:
        raise DataError(f"'{paths[0]}' has no rows with a loss.")
    return log


def _records(path: Path, request: Request, log: Log) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if path.suffix in {".jsonl", ".json"}:
        for record, number in read_json_lines(path, request.progress):
            if record is None:
                log.truncated = True
                return
            yield number, record
        return
    table = read_csv(path, request.progress)
    missing = [name for name in request.columns.values() if name not in table.header]
    if missing:
        raise DataError(
            f"'{path}' has no column '{missing[0]}'; it has {', '.join(table.header[:12])}."
        )
    for number, row in table.rows:
        yield number, {**row, "flag": row.get("flag") or OPEN_END} if table.open_end else row
    log.truncated |= table.cut


def _evaluations(place: str, row: Mapping[str, Any], request: Request) -> Iterator[Evaluation]:
    """One evaluation of a long row, one per eval set of a wide one."""
    from mixlaw.runs.table import COLUMNS

    column = {name: name for name in row} | dict(request.columns)
    known = {name: row.get(source) for name, source in column.items()}
    axes = {
        axis: to_count(known[axis], place) for axis in _AXES if known.get(axis) not in (None, "")
    }
    more = {
        name: value
        for name, value in known.items()
        if value not in (None, "")
        and (
            name in COLUMNS
            or name.startswith(("share.", "unique_tokens."))
            or name == "domain_ratio"
        )
        and name not in {"run_id", "tokens", "eval_set", "loss", "flag", "source"}
    }
    run = known.get("run_id")
    wide = {set_: row[set_] for set_ in request.losses if row.get(set_) not in (None, "")}
    losses = wide or {str(known.get("eval_set") or UNNAMED): known.get("loss")}
    for eval_set, loss in losses.items():
        source = eval_set if wide else column.get("loss", "loss")
        if is_perplexity(source):
            raise DataError(
                f"{place}: '{source}' is a perplexity; an averaged perplexity is not the "
                "exponential of the mean loss, so give the cross-entropy."
            )
        if loss in (None, ""):
            continue
        yield Evaluation(
            eval_set,
            to_number(loss, place),
            run=None if run in (None, "") else str(run),
            flag=str(known.get("flag") or ""),
            more=more,
            **axes,
        )
