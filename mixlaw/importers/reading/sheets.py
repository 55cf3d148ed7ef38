"""Tables that are no text: the first sheet of an Excel file, and Parquet.

An .xlsx file is a ZIP of XML: ``xl/worksheets/sheet1.xml`` holds rows of cells, whose texts stand
in ``xl/sharedStrings.xml``. Only values are read: no formula is computed, no link is followed.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from mixlaw.errors import DataError
from mixlaw.importers.reading.delimited import Table, check_header, named

#: A part of a spreadsheet is read whole; a million rows of a dozen numbers have about this size.
MAX_PART_BYTES = 256 * 2**20

_SHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml")
_CELL = re.compile(r"([A-Z]+)\d+")


def read_xlsx(path: Path, progress: Callable[[int], object]) -> Table:
    """The first sheet of an Excel file; its first row that is not empty is the header.

    Raises:
        DataError: no Excel file, too large, or without a header.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sheets = sorted(filter(None, map(_SHEET.fullmatch, archive.namelist())),
                            key=lambda match: int(match[1]))  # fmt: skip
            if not sheets:
                raise DataError(f"'{path}' is no Excel file: it has no sheet.")
            shared = [_text(item) for item in _part(archive, "xl/sharedStrings.xml", path)]
            rows = [_cells(row, shared) for row in _part(archive, sheets[0][0], path, "row")]
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError, IndexError) as error:
        raise DataError(f"'{path}' cannot be read as an Excel file: {error}.") from None
    progress(path.stat().st_size)
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    header = named(filled[0][1]) if filled else []
    check_header(path, header)
    return Table(header, _filled(header, filled[1:]))


def read_parquet(path: Path, progress: Callable[[int], object]) -> Table:
    """The rows of a Parquet file, as texts that read back exactly.

    Raises:
        DataError: it is none.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"'{path}' cannot be read as Parquet: {reason}.") from None
    progress(path.stat().st_size)
    header = named(list(table.column_names))
    check_header(path, header)
    columns = [["" if v is None else str(v) for v in column.to_pylist()] for column in table]
    rows = [(number, list(row)) for number, row in enumerate(zip(*columns, strict=True), start=2)]
    return Table(header, _filled(header, rows))


def _filled(
    header: list[str], rows: list[tuple[int, list[str]]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows as cells by column; cells that a sheet leaves out at the end of a row are empty."""
    for number, row in rows:
        cells = row[: len(header)] + [""] * (len(header) - len(row))
        yield number, dict(zip(header, cells, strict=True))


def _part(
    archive: zipfile.ZipFile, name: str, path: Path, tag: str = "si"
) -> Iterator[ElementTree.Element]:
    """Elements of a part of the archive; none where there is no such part.

    Raises:
        DataError: it is too large, or declares entities, as no spreadsheet does.
    """
    if name not in archive.namelist():
        return iter(())
    if archive.getinfo(name).file_size > MAX_PART_BYTES:
        raise DataError(f"'{path}' unpacks to more than 256 MiB; save the sheet as CSV.")
    with archive.open(name) as file:
        data = file.read(MAX_PART_BYTES + 1)
    if len(data) > MAX_PART_BYTES or b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data[:4096]:
        raise DataError(f"'{path}' is no plain Excel file; save the sheet as CSV.")
    return iter(_all(ElementTree.fromstring(data), tag))


def _all(element: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    """Elements of this name inside, whatever their namespace."""
    return element.findall(f".//{{*}}{tag}")


def _text(element: ElementTree.Element) -> str:
    return "".join(part.text or "" for part in _all(element, "t"))


def _cells(row: ElementTree.Element, shared: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in _all(row, "c"):
        if place := _CELL.fullmatch(cell.get("r", "")):
            cells += [""] * (_column(place[1]) - len(cells))
        value = cell.find("{*}v")
        text = (value.text or "") if value is not None else ""
        kind = cell.get("t", "n")
        if kind == "s":
            text = shared[int(text)]
        elif kind == "inlineStr":
            text = _text(cell)
        cells.append(text.strip())
    return cells


def _column(letters: str) -> int:
    """Column number from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters[:4]:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
