"""Documents: the unit that is deduplicated, held out and resampled.

Which side of the split a document falls on depends on its own content alone. So one and the same
text is held out everywhere or nowhere, however often it occurs, in whichever corpora and order,
and however much of a corpus is read: held-out text cannot reach the training tokens.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

#: One document in so many is held out.
HELD_OUT_ONE_IN = 10


@dataclass(frozen=True)
class Document:
    """A text and where it came from (file and place in it, for messages)."""

    text: str
    origin: str

    @cached_property
    def key(self) -> int:
        """64-bit hash of the text; differences in white space alone do not count."""
        content = " ".join(self.text.split()).encode()
        return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")

    @property
    def is_held_out(self) -> bool:
        """Whether the document is for evaluation only."""
        return self.key % HELD_OUT_ONE_IN == 0


def distinct(documents: Iterable[Document]) -> Iterator[Document]:
    """The documents without repeats of one already seen and without empty ones."""
    seen: set[int] = set()
    for document in documents:
        if document.key not in seen and document.text.strip():
            seen.add(document.key)
            yield document
