"""How many tokens the files of a corpus can hold, by their sizes alone: known in a moment."""

from pathlib import Path

import numpy as np

from mixlaw.corpora.readers import FORMATS, list_files
from mixlaw.experiment import CorpusSource

#: Bytes of text a token holds, on average, at the least: 2.2 with the quickstart's vocabulary of a
#: thousand, 3 to 5 with those of large models.
LEAST_BYTES = 2.0
#: Formats that may hold more than they weigh: compressed, columns, arrays of any integers.
_COMPACT = {".gz", ".zst", ".zstd", ".npy"} | {
    suffix for suffix, reader in FORMATS.items() if reader in ("parquet", "arrow")
}


def most_tokens(source: CorpusSource) -> int | None:
    """Tokens that a corpus can hold at the most, a token a byte; None where sizes do not say.

    Raises:
        DataError: there is no such corpus.
    """
    path = Path(str(source.path))
    if source.builtin or path.parts[:1] == ("hf:",):
        return None
    sizes = [_most(file, source.dtype) for file in list_files(path)]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _most(file: Path, dtype: str) -> int | None:
    suffix = file.suffix.lower()
    if suffix in _COMPACT:
        return None
    width = np.dtype(dtype).itemsize if suffix == ".bin" else 1
    return file.stat().st_size // width
