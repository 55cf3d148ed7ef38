"""Readers: files of text in any known format, one ``Document`` at a time.

One module is one format; each has ``read(file, origin, options)``, which takes an open binary
stream and never holds more than a few documents in memory. The files of a folder are visited in
an order drawn by their names' hash, so that the part a small budget reads is not just the front
of the alphabet (or the oldest dump).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mixlaw.corpora.documents import Document
from mixlaw.errors import DataError

#: Module of each suffix; what is not listed is plain text if it looks like it.
FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
TEXT_SUFFIXES = {"", ".txt", ".text", ".md", ".rst"}

#: With fewer files than this, text files are cut into several documents each.
FEW_FILES = 100


@dataclass(frozen=True)
class Options:
    """How files are read: the field that holds the text, and whether to cut long text files."""

    field: str = "text"
    cut: bool = True


def read_documents(path: Path, field: str = "text") -> Iterator[Document]:
    """All documents of a file or folder.

    Raises:
        DataError: there is no such file, nothing readable in it, or a file is malformed.
    """
    files = list_files(path)
    options = Options(field, cut=len(files) < FEW_FILES)
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
    inside = [file for file in path.rglob("*") if file.is_file()]
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


def _read_file(file: Path, options: Options) -> Iterator[Document]:
    module = import_module(f"mixlaw.corpora.readers.{FORMATS.get(file.suffix.lower(), 'text')}")
    try:
        with file.open("rb") as stream:
            yield from module.read(stream, str(file), options)
    except OSError as error:
        raise DataError(f"Cannot read '{file}': {error.strerror or error}.") from error


def _is_readable(file: Path) -> bool:
    if file.suffix.lower() in FORMATS or file.suffix.lower() in TEXT_SUFFIXES:
        return True
    with file.open("rb") as stream:
        return looks_like_text(stream.read(4096))


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _name_hash(file: Path, folder: Path) -> bytes:
    return hashlib.sha256(file.relative_to(folder).as_posix().encode()).digest()
