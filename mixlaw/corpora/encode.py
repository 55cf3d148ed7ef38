"""One corpus from documents to files: training tokens and held-out windows, resumable."""

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mixlaw.cores import available_cores
from mixlaw.corpora.documents import Document
from mixlaw.corpora.held_out import WindowCollector
from mixlaw.corpora.stored import (
    DOCUMENTS,
    HELD_OUT,
    TRAIN,
    Progress,
    save_windows,
    write_record,
)
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import Tokens, TokenWriter
from mixlaw.corpora.workers import encode_in_order
from mixlaw.errors import DataError

Say = Callable[[str], None]

#: Documents are encoded in batches of about this many characters.
BATCH = 1_000_000
#: From this many tokens on, worker processes earn the second it takes to start them.
WORTH_WORKERS = 20_000_000
#: Tokens between two writings of ``progress.json``: what has to be encoded again after a kill.
NOTE_EVERY = 16_000_000
#: Seconds between two lines of progress for a person.
PAUSE = 5.0


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
    save_windows(folder / HELD_OUT, *held_out.result(name))
    keys = np.array(train.keys), np.array(held_out.keys, dtype=np.uint64)
    np.save(folder / DOCUMENTS, np.concatenate(keys))
    write_record(folder, writer.n_tokens, train.progress)


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
        self._n_synced = progress.n_kept
        self._encoder, self._writer, self._folder = encoder, writer, folder
        self._meter = _Meter(name, writer.at_most, progress.n_kept, say)

    @property
    def is_full(self) -> bool:
        return self._writer.is_full and len(self.keys) == self._there_already

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
        if self._writer.n_tokens - self._n_synced >= NOTE_EVERY:
            self._n_synced = self._writer.n_tokens
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
        elif not train.is_written(document) and not train.is_full:
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
