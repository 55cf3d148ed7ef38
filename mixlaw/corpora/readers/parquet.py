"""Parquet: the text in a named column, read a few hundred rows at a time."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from mixlaw.corpora.documents import Document
from mixlaw.corpora.readers import Options
from mixlaw.errors import DataError

#: Rows that are in memory at once; changes no result.
ROWS = 256


def read(file: BinaryIO, origin: str, options: Options) -> Iterator[Document]:
    """Documents of one Parquet file.

    Raises:
        DataError: it is no Parquet file, or has no column of text under the field's name.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
        check_column(table.schema_arrow, options.field, origin)
        batches = table.iter_batches(batch_size=ROWS, columns=[options.field])
        yield from documents_of(batches, options.field, origin)
    except pa.ArrowInvalid as error:
        raise DataError(f"'{origin}' is not a sound Parquet file ({error}).") from error


def check_column(schema: Any, field: str, origin: str) -> None:
    """Refuse a table without a column of text of this name.

    Raises:
        DataError: the message names the columns there are.
    """
    import pyarrow as pa

    if field not in schema.names:
        raise DataError(
            f"'{origin}': there is no field '{field}'; the fields are: {', '.join(schema.names)}. "
            "Name the text's with 'field' beside the path, or --field."
        )
    kind = schema.field(field).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DataError(f"'{origin}': the field '{field}' is {kind}, not text.")


def documents_of(batches: Iterator[Any], field: str, origin: str) -> Iterator[Document]:
    """One document a row; rows without text are left out."""
    row = 0
    for batch in batches:
        for text in batch.column(batch.schema.get_field_index(field)).to_pylist():
            row += 1
            if text is not None:
                yield Document(text, f"{origin}, row {row}")
