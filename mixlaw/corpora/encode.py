"""One corpus from documents to files: training tokens, held-out windows and a record of both.

A folder of one corpus holds ``train.npy`` (the tokens), ``held_out.npz`` (windows, their documents
and bytes), ``documents.npy`` (hashes of all documents used, to find shared ones) and
``corpus.json`` (counts, fingerprints and the checksum of every file).
"""

import json
import os
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.documents import Document
from mixlaw.corpora.held_out import HeldOut, WindowCollector
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import Tokens, TokenWriter, checksum, open_tokens
from mixlaw.corpora.workers import available_cores, encode_in_order
from mixlaw.errors import DataError
from mixlaw.files import write_atomic

Say = Callable[[str], None]

#: Documents are encoded in batches of about this many characters.
BATCH = 1_000_000
#: From this many tokens on, worker processes earn the second it takes to start them.
WORTH_WORKERS = 20_000_000
#: Tokens between two notes of progress: what a kill can cost.
NOTE_EVERY = 16_000_000
#: Seconds between two lines of progress.
PAUSE = 5.0

TRAIN, HELD_OUT, DOCUMENTS = FILES = ("train.npy", "held_out.npz", "documents.npy")
RECORD, PROGRESS = "corpus.json", "progress.json"


@dataclass(frozen=True)
class TokenCorpus:
    """The training tokens of one corpus.

    Attributes:
        name: of the corpus.
        path: its ``.npy`` file.
        n_tokens: tokens in it, end-of-text tokens included.
        fingerprint: hash of the tokens.
        n_documents: documents they are from.
        bytes_per_token: UTF-8 bytes of the text per token.
    """

    name: str
    path: Path
    n_tokens: int
    fingerprint: str
    n_documents: int
    bytes_per_token: float

    def tokens(self) -> Tokens:
        """Memory map of the tokens, shape (n_tokens,)."""
        return open_tokens(self.path)


def encode_corpus(
    name: str,
    documents: Iterator[Document],
    encoder: TextEncoder,
    folder: Path,
    *,
    seq_len: int,
    train_tokens: int,
    held_out_tokens: int,
    say: Say,
) -> None:
    """Write the files of one corpus, reading no more documents than that takes.

    A folder that a killed process left is continued: what is in it is read again, which is quick,
    but not encoded again.

    Raises:
        DataError: there is no training text, or too little held-out text.
    """
    at_most = -(-train_tokens // seq_len) * seq_len + 1 if train_tokens else 0
    held_out = WindowCollector(encoder, seq_len, held_out_tokens)
    progress = Progress.read(folder)
    n_workers = available_cores() if at_most >= WORTH_WORKERS else 1
    with TokenWriter(folder / TRAIN, encoder.dtype, at_most, progress.n_kept) as writer:
        train = _Training(name, encoder, writer, progress, folder, say)
        batches = _batches(_training_documents(documents, train, held_out))
        for batch, encoded in encode_in_order(batches, encoder, n_workers):
            train.write(batch, encoded)
    if train_tokens and not writer.n_tokens:
        raise DataError(f"The corpus '{name}' has no text to train on; it is empty.")
    _save_windows(folder / HELD_OUT, *held_out.result(name))
    np.save(folder / DOCUMENTS, np.array([*train.keys, *held_out.keys], dtype=np.uint64))
    _write_record(folder, writer.n_tokens, train.progress)
    for file in folder.iterdir():
        if file.name not in (*FILES, RECORD):
            file.unlink()  # the note of progress, and any half of one that a killed process left


def is_sound(folder: Path) -> bool:
    """Whether all files of a corpus are there and have the checksums of its record."""
    try:
        record = _read_record(folder)
        return all(checksum(folder / file) == record["sha256"][file] for file in FILES)
    except (OSError, ValueError, KeyError):
        return False


def load_train(name: str, folder: Path) -> TokenCorpus:
    """The training tokens in a corpus's folder."""
    record = _read_record(folder)
    return TokenCorpus(
        name=name,
        path=folder / TRAIN,
        n_tokens=record["n_tokens"],
        fingerprint=record["sha256"][TRAIN][:16],
        n_documents=record["n_documents"],
        bytes_per_token=record["bytes_per_token"],
    )


def load_held_out(name: str, folder: Path) -> HeldOut:
    """The held-out windows in a corpus's folder."""
    with np.load(folder / HELD_OUT, allow_pickle=False) as arrays:
        windows, documents = arrays["windows"].astype(np.int64), arrays["documents"]
        n_bytes = arrays["window_bytes"]
    fingerprint = _read_record(folder)["sha256"][HELD_OUT][:16]
    return HeldOut(name, windows, documents, n_bytes, fingerprint)


def load_keys(folder: Path) -> NDArray[np.uint64]:
    """Hashes of all documents used, shape (n_documents,)."""
    keys: NDArray[np.uint64] = np.load(folder / DOCUMENTS, allow_pickle=False)
    return keys


@dataclass(frozen=True)
class Progress:
    """How far the training tokens of a corpus have got, in whole documents.

    Attributes:
        n_documents: documents written.
        n_tokens: tokens of these documents.
        n_bytes: their UTF-8 bytes.
        n_kept: tokens that are in the file.
    """

    n_documents: int = 0
    n_tokens: int = 0
    n_bytes: int = 0
    n_kept: int = 0

    @classmethod
    def read(cls, folder: Path) -> "Progress":
        """Progress noted in a folder; none if there is no note."""
        path = folder / PROGRESS
        return cls(**json.loads(path.read_text())) if path.is_file() else cls()

    def note(self, folder: Path) -> None:
        """Write it down."""
        write_atomic(folder / PROGRESS, json.dumps(asdict(self)) + "\n")


class _Training:
    """Writes encoded documents, counts them, and notes progress now and then."""

    def __init__(
        self,
        name: str,
        encoder: TextEncoder,
        writer: TokenWriter,
        progress: Progress,
        folder: Path,
        say: Say,
    ) -> None:
        self.keys = array("Q")
        self.progress = progress
        self._there_already = progress.n_documents
        self._noted = progress.n_kept
        self._encoder, self._writer, self._folder = encoder, writer, folder
        self._meter = _Meter(name, writer.at_most, progress.n_kept, say)

    @property
    def is_full(self) -> bool:
        return self._writer.is_full

    def is_written(self, document: Document) -> bool:
        """Whether the next document was written by an earlier process."""
        if len(self.keys) == self._there_already:
            return False
        self.keys.append(document.key)
        return True

    def write(self, batch: Sequence[Document], encoded: Sequence[Tokens]) -> None:
        n_documents, n_tokens, n_bytes = 0, 0, 0
        for document, ids in zip(batch, encoded, strict=True):
            if self._writer.is_full:
                break
            self._writer.append(ids)
            self._there_already += 1
            self.keys.append(document.key)
            n_documents, n_tokens = n_documents + 1, n_tokens + len(ids)
            n_bytes += self._encoder.count_bytes(document)
        self.progress = Progress(
            self.progress.n_documents + n_documents,
            self.progress.n_tokens + n_tokens,
            self.progress.n_bytes + n_bytes,
            self._writer.n_tokens,
        )
        if self._writer.n_tokens - self._noted >= NOTE_EVERY:
            self._noted = self._writer.n_tokens
            self._writer.sync()
            self.progress.note(self._folder)
        self._meter.show(self._writer.n_tokens)


def _training_documents(
    documents: Iterator[Document], train: _Training, held_out: WindowCollector
) -> Iterator[Document]:
    """Documents still to be encoded for training; held-out ones are taken on the way."""
    for document in documents:
        if document.is_held_out:
            if not held_out.is_full:
                held_out.add(document)
        elif not train.is_full and not train.is_written(document):
            yield document
        if train.is_full and held_out.is_full:
            return


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += document.size
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Meter:
    """Progress in tokens, tokens per second and seconds left, a line every few seconds."""

    def __init__(self, name: str, wanted: int, n_there: int, say: Say) -> None:
        self._name, self._wanted, self._there, self._say = name, wanted, n_there, say
        self._begun = self._shown = time.monotonic()

    def show(self, n_tokens: int) -> None:
        now = time.monotonic()
        if n_tokens > self._there and now - self._shown >= PAUSE:
            self._shown = now
            rate = (n_tokens - self._there) / (now - self._begun)
            self._say(
                f"{self._name}: {n_tokens:,} of {self._wanted:,} tokens, {rate:,.0f} tokens/s, "
                f"{(self._wanted - n_tokens) / rate:.0f} s left"
            )


def _save_windows(path: Path, windows: Any, documents: Any, n_bytes: Any) -> None:
    compact = windows.astype(np.uint32)
    np.savez(path, windows=compact, documents=documents, window_bytes=n_bytes)


def _write_record(folder: Path, n_tokens: int, progress: Progress) -> None:
    record = {
        "n_tokens": n_tokens,
        "n_documents": progress.n_documents,
        "bytes_per_token": progress.n_bytes / max(progress.n_tokens, 1),
        "sha256": {file: checksum(folder / file) for file in FILES},
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    for file in (*FILES, RECORD):
        with (folder / file).open("rb+") as stream:
            os.fsync(stream.fileno())


def _read_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / RECORD).read_text())
    return record
