"""Any table (CSV, TSV, semicolons, Excel, Parquet, JSONL), long or wide, with or without a map.

``columns`` maps a column of the runs table to one of the file (``{run_id: run, tokens: D}``), and
``units`` says what it counts in. A long table has one row per eval set (``eval_set``, ``loss``); a
wide one has a column per eval set, named by ``eval_sets`` (``{val_code: domain, val_web:
general}``). What the description leaves open is recognised by name and content
(``mixlaw.importers.tables``); ``step`` counts training steps, and the rest is left out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import Log, Request
from mixlaw.importers.reading import OPEN_END, Table, read_csv, read_json_lines
from mixlaw.importers.reading.sheets import read_parquet, read_xlsx
from mixlaw.importers.tables.guess import Sheet, guess_plan
from mixlaw.importers.tables.rows import Reader

EXAMPLE = "run_id,n_params,tokens,share.domain,share.general,eval_set,loss"
FILES = ()
#: File name endings of tables; anything else is no table unless it is called one.
SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".jsonl")

#: Rows that are looked at to recognise columns; the rest of a long table is only read.
LOOKED_AT = 500


def recognises(path: Path, head: bytes) -> bool:
    """A header that names run, tokens and loss; other tables are named by the user."""
    header = head.split(b"\n", 1)[0]
    return path.suffix == ".csv" and all(name in header for name in (b"run_id", b"tokens", b"loss"))


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of the runs in the table.

    Raises:
        ConfigError: the unit of a count cannot be known.
        DataError: a mapped column is missing, a cell is no number, or there is no loss.
    """
    return read_tables(paths, request, lambda row: "")


def read_tables(
    paths: Sequence[Path], request: Request, flag_of: Callable[[Mapping[str, str]], str]
) -> Log:
    """Evaluations of the runs in tables.

    Args:
        paths: of the tables.
        request: what the description says and asks.
        flag_of: why a row should not be fitted, by its cells; empty for most.

    Raises:
        ConfigError: the unit of a count cannot be known.
        DataError: a mapped column is missing, a cell is no number, or there is no loss.
    """
    log = Log(ordered=False)
    for path in paths:
        table = _open(path, request, log)
        _check_mapped(path, table, request)
        first = list(islice(table.rows, LOOKED_AT))
        open_row = first[-1][0] if first and table.open_end else None
        sheet = Sheet.of(path.name, table.header, [row for _, row in first], table.delimiter)
        reader = Reader(plan := guess_plan(sheet, request))
        for number, row in chain(first, table.rows):
            is_open = number == open_row if open_row else table.open_end
            flag = OPEN_END if is_open else flag_of(row)
            log.evaluations += reader.evaluations(row, f"'{path}', row {number}", flag)
        log.truncated |= table.cut
        log.guess = plan.document(request.columns) or log.guess
        log.made_ids = "run_id" not in plan.columns
        log.notes += _notes(reader)
    if not log.evaluations:
        raise DataError(f"'{paths[0]}' has no rows with a loss.")
    return log


def _open(path: Path, request: Request, log: Log) -> Table:
    if path.suffix in {".jsonl", ".json"}:
        return _read_jsonl(path, request, log)
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"PK\x03\x04":
        return read_xlsx(path, request.progress)
    if magic == b"PAR1":
        return read_parquet(path, request.progress)
    return read_csv(path, request.progress)


def _read_jsonl(path: Path, request: Request, log: Log) -> Table:
    """Rows of a JSONL file; their columns are those of the first ones."""

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for record, number in read_json_lines(path, request.progress):
            if record is None:
                log.truncated = True
                return
            yield number, {name: "" if v is None else str(v) for name, v in record.items()}

    read = rows()
    first = list(islice(read, LOOKED_AT))
    header = list(dict.fromkeys(name for _, row in first for name in row))
    return Table(header, chain(first, read))


def _check_mapped(path: Path, table: Table, request: Request) -> None:
    missing = [name for name in request.columns.values() if name not in table.header]
    missing += [name for name in request.losses if name not in table.header] if not any(
        name in table.header for name in request.losses
    ) else []  # fmt: skip
    if missing:
        raise DataError(
            f"'{path}' has no column '{missing[0]}'; it has {', '.join(table.header[:20])}."
        )


def _notes(reader: Reader) -> list[str]:
    """What a person should know of how the table was read."""
    notes = []
    if reader.rounded:
        low, high = reader.rounded
        notes.append(
            f"shares sum to {low:.4g} to {high:.4g}, which the digits they are "
            "printed with explain; they were normalised"
        )
    if reader.plan.units.get("shares") == "%":
        notes.append("shares are read as percentages")
    if reader.plan.needless:
        notes.append(f"left out, as no loss of one held-out set: {', '.join(reader.plan.needless)}")
    return notes
