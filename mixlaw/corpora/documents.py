"""Documents: the unit that is deduplicated, held out and resampled.

Which side of the split a document falls on depends on its own content alone. So one and the same
text is held out everywhere or nowhere, however often it occurs, in whichever corpora and order,
and however much of a corpus is read: held-out text cannot reach the training tokens.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.tokens import Tokens

#: One document in so many is held out. Conventional; another value gives other corpora and runs.
HELD_OUT_ONE_IN = 10


@dataclass(frozen=True)
class Document:
    """A text, or the ids of one that is already tokenised.

    Attributes:
        text: the text; empty where there are only ids.
        origin: where it came from (file and place in it), for messages.
        ids: token ids without end-of-text, shape (n_tokens,), or None.
    """

    text: str
    origin: str
    ids: Tokens | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to train on."""
        return not self.text.strip() if self.ids is None else len(self.ids) == 0

    @property
    def size(self) -> int:
        """Characters, or ids."""
        return len(self.text) if self.ids is None else len(self.ids)

    @cached_property
    def key(self) -> int:
        """64-bit hash of the content; differences in white space alone do not count."""
        normalised = " ".join(self.text.split()).encode()
        content = normalised if self.ids is None else self.ids.astype("<u4").tobytes()
        return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")

    @property
    def is_held_out(self) -> bool:
        """Whether the document is for evaluation only."""
        return self.key % HELD_OUT_ONE_IN == 0


def distinct(documents: Iterable[Document]) -> Iterator[Document]:
    """The documents without repeats of one already seen and without empty ones."""
    earlier = KeySet()
    for document in documents:
        if not document.is_empty and earlier.add(document.key):
            yield document


class KeySet:
    """A set of 64-bit keys at 8 bytes each, where Python's own takes about 90.

    New keys wait in a small set; when it is full it becomes one sorted array, and arrays of like
    size are merged, so that few of them need to be searched.
    """

    def __init__(self, n_waiting: int = 1 << 16) -> None:
        self._n_waiting = n_waiting
        self._waiting: set[int] = set()
        self._sorted: list[NDArray[np.uint64]] = []

    def add(self, key: int) -> bool:
        """Add a key; whether it is new."""
        if key in self._waiting or any(_contains(keys, key) for keys in self._sorted):
            return False
        self._waiting.add(key)
        if len(self._waiting) >= self._n_waiting:
            self._sort()
        return True

    def _sort(self) -> None:
        keys = np.sort(np.fromiter(self._waiting, dtype=np.uint64, count=len(self._waiting)))
        while self._sorted and len(self._sorted[-1]) <= len(keys):
            keys = np.sort(np.concatenate([self._sorted.pop(), keys]))
        self._sorted.append(keys)
        self._waiting = set()


def _contains(keys: NDArray[np.uint64], key: int) -> bool:
    place = keys.searchsorted(np.uint64(key))
    return bool(place < len(keys) and keys[place] == key)
