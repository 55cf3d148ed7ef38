"""Text that is already tokenised: ``.npy`` with its own dtype, or raw ``.bin`` with a named one.

Documents end at the end-of-text token of the tokenizer that the experiment names.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from mixlaw.corpora.documents import Document
from mixlaw.corpora.readers import Options
from mixlaw.corpora.tokens import Tokens
from mixlaw.errors import DataError

#: Ids that are read at once, and the longest document.
CHUNK = 1_048_576


def read(file: BinaryIO, origin: str, options: Options) -> Iterator[Document]:
    """Documents of one file of token ids.

    Raises:
        DataError: no tokenizer is named, or the file does not hold a row of integers.
    """
    if options.end_of_text is None:
        raise DataError(
            f"'{origin}' is already tokenised; name the tokenizer that did it (tokenizer: PATH)."
        )
    is_npy = origin.removesuffix(".gz").removesuffix(".zst").endswith(".npy")
    dtype = _npy_dtype(file, origin) if is_npy else np.dtype(options.dtype)
    for number, ids in enumerate(_documents(_chunks(file, dtype, origin), options.end_of_text)):
        yield Document("", f"{origin}, document {number + 1}", ids)


def _documents(chunks: Iterator[Tokens], end_of_text: int) -> Iterator[Tokens]:
    held = np.empty(0, dtype=np.uint32)
    for chunk in chunks:
        held = np.concatenate([held, chunk])
        ends = np.flatnonzero(held == end_of_text)
        yield from (part[part != end_of_text] for part in np.split(held, ends + 1)[:-1])
        held = held[ends[-1] + 1 :] if len(ends) else held
        if len(held) >= CHUNK:
            yield held
            held = held[:0]
    yield held


def _chunks(file: BinaryIO, dtype: np.dtype[Any], origin: str) -> Iterator[Tokens]:
    while data := file.read(CHUNK * dtype.itemsize):
        if len(data) % dtype.itemsize:
            raise DataError(f"'{origin}' does not hold whole {dtype} integers; is its dtype right?")
        ids = np.frombuffer(data, dtype)
        if ids.min() < 0 or ids.max() >= 1 << 32:
            raise DataError(f"'{origin}' holds {ids.min()} to {ids.max()}, which are no token ids.")
        yield ids.astype(np.uint32)


def _npy_dtype(file: BinaryIO, origin: str) -> np.dtype[Any]:
    """Reads the header, and leaves the file at the first number."""
    try:
        major, _ = npy.read_magic(file)
        header = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
        shape, _, dtype = header(file)
    except ValueError as error:
        raise DataError(f"'{origin}' is not a .npy file ({error}).") from error
    if len(shape) != 1 or dtype.kind not in "iu":
        raise DataError(f"'{origin}' holds {dtype} of shape {shape}, not one row of token ids.")
    return dtype
