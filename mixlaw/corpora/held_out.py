"""Held-out windows: the fixed set on which every run of a sweep is measured.

A loss means little without its error, and neighbouring windows of one document are far from
independent. So the set takes few windows from each of many documents, and each window keeps the
number of its document for a bootstrap over documents.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.documents import Document
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.errors import DataError

Ints = NDArray[np.int64]

#: The set is spread over at least this many documents where the corpus has them. Conventional: the
#: standard error over documents has then itself a relative error of about 1 / sqrt(2 * 64), 9%.
SPREAD = 64


@dataclass(frozen=True)
class HeldOut:
    """The held-out windows of one corpus.

    Attributes:
        name: of the corpus.
        windows: token ids, shape (n_windows, seq_len + 1); all but the first of each are scored.
        documents: number of the document that each window is from, shape (n_windows,).
        window_bytes: UTF-8 bytes that the scored tokens of each window stand for, (n_windows,).
        fingerprint: hash of the windows.
    """

    name: str
    windows: Ints = field(repr=False)
    documents: Ints = field(repr=False)
    window_bytes: Ints = field(repr=False)
    fingerprint: str

    @property
    def n_tokens(self) -> int:
        """Scored tokens."""
        return int(self.windows.shape[0] * (self.windows.shape[1] - 1))

    @property
    def n_bytes(self) -> int:
        """Bytes that the scored tokens stand for."""
        return int(self.window_bytes.sum())

    @property
    def n_documents(self) -> int:
        """Documents that the windows are from."""
        return len(np.unique(self.documents))


def document_error(
    sums: NDArray[np.float64], documents: Ints, seq_len: int, n_resamples: int
) -> float:
    """Standard error of a mean loss, nats per token, by bootstrap over documents.

    The windows of a document go together, and the resamples are the same at every call, so that
    losses compare on common random numbers.

    Args:
        sums: summed loss of every window, shape (n_windows,).
        documents: number of each window's document, shape (n_windows,).
        seq_len: scored tokens per window.
        n_resamples: how often to resample.

    Returns:
        The error; NaN for fewer than two documents.
    """
    _, document = np.unique(documents, return_inverse=True)
    loss, size = np.bincount(document, weights=sums), np.bincount(document) * seq_len
    n = len(loss)
    if n < 2:
        return math.nan
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), n_resamples)
    return float(np.std((weights @ loss) / (weights @ size), ddof=1))


class WindowCollector:
    """Gathers held-out windows from documents until there are enough.

    Documents longer than a window give windows of their own, in a row from a place drawn by the
    document's hash; shorter ones are packed end to end.

    Args:
        encoder: tokenizer.
        seq_len: scored tokens per window.
        n_tokens: scored tokens wanted; rounded up to whole windows.
    """

    def __init__(self, encoder: TextEncoder, seq_len: int, n_tokens: int) -> None:
        self._encoder, self._seq_len = encoder, seq_len
        self._wanted = -(-n_tokens // seq_len)
        self._per_document = max(1, self._wanted // SPREAD)
        self.keys: list[int] = []
        self._groups: list[tuple[Ints, Ints]] = []
        self._packed: tuple[Ints, Ints] = (np.empty(0, np.int64), np.empty(0, np.int64))

    @property
    def is_full(self) -> bool:
        """Whether the set can be made with no document giving more than its part."""
        return self._available(self._per_document) >= self._wanted

    @property
    def n_missing(self) -> int:
        """Tokens that are missing for a set of the wanted size."""
        return max(0, self._wanted - self._available(self._wanted)) * self._seq_len

    def add(self, document: Document) -> None:
        """Take what is needed from one more document."""
        self.keys.append(document.key)
        tokens, n_bytes = self._encoder.encode_with_bytes(document)
        ids = tokens.astype(np.int64)
        if len(ids) <= self._seq_len:
            ids = np.concatenate([self._packed[0], ids])
            n_bytes = np.concatenate([self._packed[1], n_bytes])
            taken = max(0, (len(ids) - 1) // self._seq_len) * self._seq_len
            self._packed = (ids[taken:], n_bytes[taken:])
        windows, counts = self._cut(ids, n_bytes)
        if len(windows):
            first = document.key // 7919 % len(windows)
            order = np.roll(np.arange(len(windows)), -first)[: self._wanted]
            self._groups.append((windows[order], counts[order]))

    def result(self, name: str) -> tuple[Ints, Ints, Ints]:
        """Windows, document numbers and bytes, shaped as in ``HeldOut``.

        Raises:
            DataError: the documents do not hold enough; the message says how many are missing.
        """
        if not self._wanted:
            nothing = np.empty(0, np.int64)
            return np.empty((0, self._seq_len + 1), np.int64), nothing, nothing
        if self.n_missing:
            raise DataError(
                f"The held-out set of '{name}' is too small: {self.n_missing:,} of "
                f"{self._wanted * self._seq_len:,} tokens are missing (one document in ten is "
                "held out); add text or ask for fewer held-out tokens."
            )
        part = self._per_document
        while self._available(part) < self._wanted:
            part += 1
        taken = [(windows[:part], counts[:part]) for windows, counts in self._groups]
        numbers = np.repeat(np.arange(len(taken)), [len(windows) for windows, _ in taken])
        windows = np.concatenate([windows for windows, _ in taken])[: self._wanted]
        counts = np.concatenate([counts for _, counts in taken])[: self._wanted]
        return windows, numbers[: self._wanted], counts

    def _cut(self, ids: Ints, n_bytes: Ints) -> tuple[Ints, Ints]:
        n = max(0, (len(ids) - 1) // self._seq_len)
        starts = np.arange(n)[:, None] * self._seq_len
        windows = ids[starts + np.arange(self._seq_len + 1)]
        counts = n_bytes[starts + np.arange(1, self._seq_len + 1)].sum(axis=1)
        return windows, counts

    def _available(self, part: int) -> int:
        return sum(min(part, len(windows)) for windows, _ in self._groups)
