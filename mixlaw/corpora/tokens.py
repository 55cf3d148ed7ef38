"""Token files: one flat ``.npy`` per corpus, written as a stream, read as a memory map."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

Tokens = NDArray[np.unsignedinteger[Any]]


class TokenWriter:
    """Appends tokens to a ``.npy`` file up to a number; on leaving, its header gets the length.

    Args:
        path: the file.
        dtype: integer type of an id.
        at_most: tokens wanted; what is more is dropped.
        n_kept: tokens at the front of an existing file that are kept.
    """

    def __init__(
        self, path: Path, dtype: np.dtype[np.unsignedinteger[Any]], at_most: int, n_kept: int = 0
    ) -> None:
        self.n_tokens, self.at_most = n_kept, at_most
        self._dtype = dtype
        self._file = path.open("r+b" if n_kept else "w+b")

    def __enter__(self) -> Self:
        self._write_header()
        self._file.seek(self.n_tokens * self._dtype.itemsize, os.SEEK_CUR)
        self._file.truncate()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self._file.seek(0)
                self._write_header()

    @property
    def is_full(self) -> bool:
        """Whether all tokens that are wanted are there."""
        return self.n_tokens >= self.at_most

    def append(self, tokens: Tokens) -> None:
        """Add tokens at the end; what is more than ``at_most`` is dropped."""
        tokens = tokens[: self.at_most - self.n_tokens]
        self._file.write(tokens.astype(self._dtype, copy=False).tobytes())
        self.n_tokens += len(tokens)

    def sync(self) -> None:
        """Force everything appended so far to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def _write_header(self) -> None:
        # numpy pads the header so that the length can grow in place.
        descr = npy.dtype_to_descr(self._dtype)
        header = {"descr": descr, "fortran_order": False, "shape": (self.n_tokens,)}
        npy.write_array_header_1_0(self._file, header)


def open_tokens(path: Path) -> Tokens:
    """The tokens of a file as a read-only memory map, shape (n_tokens,)."""
    tokens: Tokens = np.load(path, mmap_mode="r", allow_pickle=False)
    return tokens


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def combined_hash(parts: Iterable[str]) -> str:
    """Short hash of several strings in order."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
