"""Arrow streams, as ``datasets.Dataset.save_to_disk`` writes them."""

from collections.abc import Iterator
from typing import BinaryIO

from mixlaw.corpora.documents import Document
from mixlaw.corpora.readers import Options
from mixlaw.corpora.readers.parquet import check_column, documents_of
from mixlaw.errors import DataError


def read(file: BinaryIO, origin: str, options: Options) -> Iterator[Document]:
    """Documents of one Arrow file.

    Raises:
        DataError: it is no Arrow stream, or has no column of text under the field's name.
    """
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(file) as stream:
            check_column(stream.schema, options.field, origin)
            yield from documents_of(iter(stream), options.field, origin)
    except pa.ArrowInvalid as error:
        raise DataError(f"'{origin}' is not a sound Arrow stream ({error}).") from error
