"""Tables as text: comma, tab, semicolon or bar between the cells, with or without a last line end.

A last row without a line end is whole when its cells are: its last cell closes its quotes, is a
text that other rows have too, or has as many digits as theirs. W&B's web pages and many
spreadsheets write no last line end; a logger that died writes half a number.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers.reading.files import read_lines

#: Flag of a row whose last number may be a part of one.
OPEN_END = "row without a line end"
#: What may stand between two cells; the commonest first, which wins a draw.
DELIMITERS = ",\t;|"
#: A number cut behind this many decimals is off by less than anybody can measure.
ENOUGH_DECIMALS = 7

_QUOTED = re.compile(r'"[^"]*"')


@dataclass
class Table:
    """A table being read: its header, its rows, and whether the row read last was cut.

    Attributes:
        header: column names.
        rows: row numbers and cells by column; those of a text file are read as they are asked for.
        delimiter: what stands between the cells of a text file.
        cut: the last row lacked cells and was dropped.
        open_end: the row just read has all its cells and no line end, and its last one may be cut.
        ended: the row just read has a line end.
    """

    header: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]
    delimiter: str = ","
    cut: bool = False
    open_end: bool = False
    ended: bool = True


def read_csv(path: Path, progress: Callable[[int], object]) -> Table:
    """Rows of a CSV, TSV or semicolon file as text, with their numbers (the header is row 1).

    Empty lines and lines of comments (``#``) before the header are skipped. A last row that has no
    line end and too few cells was cut: it is dropped and ``cut`` is set.

    Raises:
        DataError: no header, a column that stands twice, or a row of another length inside.
    """
    end = _End()
    lines = end.watch(_from_header(read_lines(path, progress)))
    first = next(lines, "")
    delimiter = _delimiter(first)
    reader = csv.reader(_chained(first, lines), delimiter=delimiter, skipinitialspace=True)
    try:
        header = named(next(reader, []))
    except csv.Error as error:
        raise DataError(f"'{path}' is no CSV: {error}.") from None
    check_header(path, header)
    table = Table(header, iter(()), delimiter)
    table.rows = _rows(path, reader, table, end)
    return table


def named(cells: list[str]) -> list[str]:
    """Column names of a header row; a column without one gets its number."""
    return [name.strip() or f"column {number}" for number, name in enumerate(cells, start=1)]


def check_header(path: Path, header: list[str]) -> None:
    """Refuse a table without a header, or with a column that stands twice.

    Raises:
        DataError: as said.
    """
    twice = sorted({name for name in header if header.count(name) > 1})
    if not header or twice:
        what = f"the column '{twice[0]}' twice" if twice else "no header"
        raise DataError(f"'{path}' has {what}; every column needs its own name.")


class _End:
    """What is known of the end of a table: its last line, and what last cells look like."""

    def __init__(self) -> None:
        self.line, self.whole = "", True
        self._texts: set[str] = set()
        self._decimals = self._length = -1

    def watch(self, lines: Iterator[tuple[str, bool]]) -> Iterator[str]:
        for self.line, self.whole in lines:
            yield self.line + "\n"

    def learn(self, cell: str) -> None:
        """A last cell that is known to be whole."""
        if not _is_number(cell):
            self._texts.add(cell)
        elif (decimals := _decimals(cell)) > 0:
            self._decimals = max(self._decimals, decimals)
        else:
            self._length = max(self._length, len(cell))

    def is_open(self, cell: str) -> bool:
        """Whether the last cell of the table may be only a part of one."""
        if self.whole or (self.line.rstrip().endswith('"') and self.line.count('"') % 2 == 0):
            return False
        if not _is_number(cell):
            return cell not in self._texts
        if (decimals := _decimals(cell)) > 0:
            return decimals < min(max(self._decimals, 1), ENOUGH_DECIMALS) or self._decimals < 0
        return self._length < 0 or len(cell) < self._length


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:2].lstrip("-+.")[:1].isdigit()


def _decimals(cell: str) -> int:
    return len(cell.partition(".")[2])


def _from_header(lines: Iterator[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    started = False
    for text, whole in lines:
        started |= bool(text.strip()) and not text.startswith("#")
        if started:
            yield text, whole


def _delimiter(header: str) -> str:
    bare = _QUOTED.sub("", header)
    return max(DELIMITERS, key=lambda mark: (bare.count(mark), -DELIMITERS.index(mark)))


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _rows(
    path: Path, reader: Iterator[list[str]], table: Table, end: _End
) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for number, cells in enumerate(reader, start=2):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < len(table.header) and not end.whole:
                table.cut = True
                return
            if len(cells) != len(table.header):
                raise DataError(
                    f"'{path}', row {number}: {len(cells)} cells under {len(table.header)} columns."
                )
            row = dict(zip(table.header, map(str.strip, cells), strict=True))
            last = row[table.header[-1]]
            table.open_end, table.ended = end.is_open(last), end.whole
            end.learn(last)
            yield number, row
    except csv.Error as error:
        raise DataError(f"'{path}' is no CSV: {error}.") from None
