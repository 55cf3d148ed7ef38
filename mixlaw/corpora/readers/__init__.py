"""Readers: files of text in any known format, one ``Document`` at a time.

One module is one format; each has ``read(file, origin, options)``, which takes an open binary
stream and never holds more than a few documents in memory. Compressed files are read as what they
hold. The files of a folder are visited in an order drawn by their names' hash, so that the part a
small budget reads is not just the front of the alphabet (or the oldest dump).
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from mixlaw.corpora.documents import Document
from mixlaw.errors import DataError

#: Module of each suffix; what is not listed is plain text if it looks like it.
FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".npy": "token_ids",
    ".bin": "token_ids",
}
#: Suffixes of plain text, and of compressed files of any format.
TEXT_SUFFIXES = {"", ".txt", ".text", ".md", ".rst"}
COMPRESSED = {".gz", ".zst", ".zstd"}

#: With fewer files than this, text files are cut into several documents each, so that there are
#: enough of them to hold some out. Conventional; it decides what the documents of a corpus are.
FEW_FILES = 100


@dataclass(frozen=True)
class Options:
    """How files are read.

    Attributes:
        field: the field that holds the text, in formats with fields.
        dtype: integers of files of raw token ids.
        end_of_text: id of the token that ends a document, in files of token ids.
        cut: whether to cut text files into several documents.
    """

    field: str = "text"
    dtype: str = "uint16"
    end_of_text: int | None = None
    cut: bool = True


def read_documents(path: Path, options: Options) -> Iterator[Document]:
    """All documents of a file or folder.

    Raises:
        DataError: there is no such file, nothing readable in it, or a file is malformed.
    """
    files = list_files(path)
    options = replace(options, cut=len(files) < FEW_FILES)
    for file in files:
        yield from _read_file(file, options)


def list_files(path: Path) -> list[Path]:
    """The files a corpus is read from, in reading order; hidden and non-text ones left out.

    Raises:
        DataError: there is no such path, or nothing readable in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"There is no corpus at '{path}'; give a file or a folder of text files.")
    inside = _saved_data_set(path) or [file for file in path.rglob("*") if file.is_file()]
    files = [f for f in inside if not _hidden(f, path) and _is_readable(f)]
    if not files:
        raise DataError(
            f"The folder '{path}' holds no text: none of its {len(inside)} files can be read."
        )
    return sorted(files, key=lambda file: _name_hash(file, path))


def looks_like_text(sample: bytes) -> bool:
    """Whether the first bytes of a file are UTF-8 text; a character may be cut at the end."""
    if b"\0" in sample:
        return False
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return len(sample) - error.start < 4
    return True


def _saved_data_set(folder: Path) -> list[Path]:
    """Files of a folder that ``datasets`` saved; its caches and other splits are not in it."""
    if (folder / "dataset_dict.json").is_file():
        splits = _json_object(folder / "dataset_dict.json").get("splits", [])
        if "train" not in splits:
            raise DataError(
                f"The data set '{folder}' has no split 'train'; name the folder of one split: "
                f"{', '.join(splits)}."
            )
        folder = folder / "train"
    if not (folder / "state.json").is_file():
        return []
    state = _json_object(folder / "state.json")
    return [folder / file["filename"] for file in state.get("_data_files", [])]


def _json_object(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except ValueError as error:
        raise DataError(f"'{file}' is not JSON ({error}); save the data set again.") from None
    if not isinstance(content, dict):
        raise DataError(f"'{file}' holds no JSON object; save the data set again.")
    return content


def _read_file(file: Path, options: Options) -> Iterator[Document]:
    suffix = _inner_suffix(file)
    module = import_module(f"mixlaw.corpora.readers.{FORMATS.get(suffix, 'text')}")
    try:
        with _open(file) as stream:
            yield from module.read(stream, str(file), options)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"Cannot read '{file}': {reason}.") from error


def _open(file: Path) -> BinaryIO:
    suffix = file.suffix.lower()
    if suffix == ".gz":
        return cast(BinaryIO, gzip.open(file, "rb"))
    if suffix in COMPRESSED:
        import pyarrow

        stream = pyarrow.CompressedInputStream(pyarrow.OSFile(str(file)), "zstd")
        return cast(BinaryIO, io.BufferedReader(stream))
    return file.open("rb")


def _inner_suffix(file: Path) -> str:
    """Suffix of the format; that of what is inside for compressed files."""
    name = Path(file.stem) if file.suffix.lower() in COMPRESSED else file
    return name.suffix.lower()


def _is_readable(file: Path) -> bool:
    suffix = _inner_suffix(file)
    if suffix in FORMATS or suffix in TEXT_SUFFIXES:
        return True
    with _open(file) as stream:
        return looks_like_text(stream.read(4096))


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _name_hash(file: Path, folder: Path) -> bytes:
    return hashlib.sha256(file.relative_to(folder).as_posix().encode()).digest()
