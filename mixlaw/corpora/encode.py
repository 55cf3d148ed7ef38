"""One corpus from documents to files: training tokens, held-out windows and a record of both.

A folder of one corpus holds ``train.npy`` (the tokens), ``held_out.npz`` (windows, their documents
and bytes), ``documents.npy`` (hashes of all documents used, to find shared ones) and
``corpus.json`` (counts, fingerprints and the checksum of every file).
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.documents import Document
from mixlaw.corpora.held_out import HeldOut, WindowCollector
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import Tokens, TokenWriter, checksum, open_tokens
from mixlaw.errors import DataError

Say = Callable[[str], None]

#: Documents are encoded in batches of about this many characters.
BATCH = 1_000_000
#: Seconds between two lines of progress.
PAUSE = 5.0
FILES = ("train.npy", "held_out.npz", "documents.npy")
RECORD = "corpus.json"


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

    Raises:
        DataError: there is no training text, or too little held-out text.
    """
    at_most = -(-train_tokens // seq_len) * seq_len + 1 if train_tokens else 0
    held_out = WindowCollector(encoder, seq_len, held_out_tokens)
    with TokenWriter(folder / "train.npy", encoder.dtype, at_most) as writer:
        train = _Batches(name, encoder, writer, say)
        for document in documents:
            if document.is_held_out and not held_out.is_full:
                held_out.add(document)
            elif not document.is_held_out and not writer.is_full:
                train.add(document)
            elif writer.is_full and held_out.is_full:
                break
        train.flush()
    if train_tokens and not train.n_tokens:
        raise DataError(f"The corpus '{name}' has no text to train on; it is empty.")
    windows, numbers, n_bytes = held_out.result(name)
    _save_windows(folder / "held_out.npz", windows, numbers, n_bytes)
    np.save(folder / "documents.npy", np.array(train.keys + held_out.keys, dtype=np.uint64))
    _write_record(folder, train, writer.n_tokens)


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
        path=folder / "train.npy",
        n_tokens=record["n_tokens"],
        fingerprint=record["sha256"]["train.npy"][:16],
        n_documents=record["n_documents"],
        bytes_per_token=record["bytes_per_token"],
    )


def load_held_out(name: str, folder: Path) -> HeldOut:
    """The held-out windows in a corpus's folder."""
    with np.load(folder / "held_out.npz", allow_pickle=False) as arrays:
        windows, documents = arrays["windows"].astype(np.int64), arrays["documents"]
        n_bytes = arrays["window_bytes"]
    fingerprint = _read_record(folder)["sha256"]["held_out.npz"][:16]
    return HeldOut(name, windows, documents, n_bytes, fingerprint)


def load_keys(folder: Path) -> NDArray[np.uint64]:
    """Hashes of all documents used, shape (n_documents,)."""
    keys: NDArray[np.uint64] = np.load(folder / "documents.npy", allow_pickle=False)
    return keys


class _Batches:
    """Encodes documents many at a time (the tokenizer is parallel inside) and counts them."""

    def __init__(self, name: str, encoder: TextEncoder, writer: TokenWriter, say: Say) -> None:
        self.keys: list[int] = []
        self.n_tokens = self.n_bytes = 0
        self._encoder, self._writer = encoder, writer
        self._waiting: list[Document] = []
        self._size = 0
        self._meter = _Meter(name, writer.at_most, say)

    def add(self, document: Document) -> None:
        self._waiting.append(document)
        self._size += document.size
        if self._size >= BATCH:
            self.flush()

    def flush(self) -> None:
        encoded = self._encoder.encode(self._waiting)
        for document, ids in zip(self._waiting, encoded, strict=True):
            if self._writer.is_full:
                break
            self._writer.append(ids)
            self.keys.append(document.key)
            self.n_tokens += len(ids)
            self.n_bytes += self._encoder.count_bytes(document)
        self._waiting, self._size = [], 0
        self._meter.show(self._writer.n_tokens)


class _Meter:
    """Progress in tokens, tokens per second and seconds left, a line every few seconds."""

    def __init__(self, name: str, wanted: int, say: Say) -> None:
        self._name, self._wanted, self._say = name, wanted, say
        self._begun = self._shown = time.monotonic()

    def show(self, n_tokens: int) -> None:
        now = time.monotonic()
        if n_tokens and now - self._shown >= PAUSE:
            self._shown = now
            rate = n_tokens / (now - self._begun)
            self._say(
                f"{self._name}: {n_tokens:,} of {self._wanted:,} tokens, {rate:,.0f} tokens/s, "
                f"{(self._wanted - n_tokens) / rate:.0f} s left"
            )


def _save_windows(path: Path, windows: Any, documents: Any, n_bytes: Any) -> None:
    compact = windows.astype(np.uint32)
    np.savez(path, windows=compact, documents=documents, window_bytes=n_bytes)


def _write_record(folder: Path, train: _Batches, n_tokens: int) -> None:
    record = {
        "n_tokens": n_tokens,
        "n_documents": len(train.keys),
        "bytes_per_token": train.n_bytes / max(train.n_tokens, 1),
        "sha256": {file: checksum(folder / file) for file in FILES},
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    for file in (*FILES, RECORD):
        with (folder / file).open("rb+") as stream:
            os.fsync(stream.fileno())


def _read_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / RECORD).read_text())
    return record
