"""Near-duplicates: text that occurs, slightly changed, where it should not.

Exact repeats are caught by hash; these are found by shingles, runs of ``WIDTH`` tokens. A held-out
window leaks if most of its shingles occur in some training text. Two corpora share a document if
most of its shingles do, judged by a fixed random sample of all shingles, those with a small hash:
the MinHash idea in the form that estimates containment (FracMinHash, Irber et al. 2022). Only
token files are read; memory grows with one shingle in ``SAMPLE``.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.held_out import HeldOut
from mixlaw.corpora.stored import TokenCorpus
from mixlaw.corpora.tokens import Tokens

Hashes = NDArray[np.uint64]

#: Tokens per shingle (a power of two): longer than the common phrases of code and prose.
WIDTH = 16
#: One shingle in so many is in the sample of a document.
SAMPLE = 64
#: Share of shingles that occur elsewhere from which a window or document is a near-duplicate.
#: Conventional, as are the other numbers here; a lower one also reports common boilerplate.
MOSTLY = 0.8
#: Sampled shingles that a document must have to be judged (about 400 tokens).
FEWEST = 6
#: Tokens that are hashed at once: bounds memory, changes no result.
CHUNK = 4_000_000

#: 2**64 / golden ratio, as in Knuth's multiplicative hash.
_MULTIPLIER = 0x9E3779B97F4A7C15
#: Entries of the table that sorts out most hashes before the exact search; changes speed only.
_TABLE = 1 << 20


def leaked_windows(held_out: HeldOut, corpus: TokenCorpus) -> int:
    """Held-out windows of which most occurs in the training text of a corpus."""
    if not len(held_out.windows):
        return 0
    hashes = np.stack([shingles(window) for window in held_out.windows])
    wanted = np.unique(hashes)
    occurs = np.zeros(len(wanted), dtype=bool)
    for _, chunk in _chunks(corpus.tokens()):
        occurs |= _is_in(wanted, shingles(chunk))
    shares = occurs[np.searchsorted(wanted, hashes)].mean(axis=1)
    return int((shares >= MOSTLY).sum())


def shared_documents(inner: TokenCorpus, outer: TokenCorpus, end_of_text: int) -> int:
    """Training documents of one corpus of which most occurs in that of another."""
    known, _ = _sample(outer.tokens(), end_of_text)
    hashes, documents = _sample(inner.tokens(), end_of_text)
    sampled = np.bincount(documents)
    shared = np.bincount(documents[np.isin(hashes, known)], minlength=len(sampled))
    return int(((sampled >= FEWEST) & (shared >= MOSTLY * sampled)).sum())


def shingles(tokens: Tokens | NDArray[np.int64]) -> Hashes:
    """Hash of every run of ``WIDTH`` tokens, shape (n_tokens - WIDTH + 1,)."""
    hashes, width, multiplier = tokens.astype(np.uint64), 1, _MULTIPLIER
    while width < WIDTH and len(hashes) > width:
        hashes = hashes[:-width] * np.uint64(multiplier) + hashes[width:]
        width, multiplier = 2 * width, multiplier**2 % 2**64
    hashes = (hashes ^ hashes >> np.uint64(31)) * np.uint64(_MULTIPLIER)
    return hashes ^ hashes >> np.uint64(29)


def _sample(tokens: Tokens, end_of_text: int) -> tuple[Hashes, NDArray[np.int64]]:
    """Sampled shingles and the numbers of their documents."""
    parts, numbers, n_before = [], [], 0
    for n_new, chunk in _chunks(tokens):
        hashes = shingles(chunk)
        places = np.flatnonzero(hashes < np.uint64(2**64 // SAMPLE))
        document = n_before + np.cumsum(chunk == end_of_text)
        parts.append(hashes[places])
        numbers.append(document[places])
        n_before += int((chunk[:n_new] == end_of_text).sum())
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    return np.concatenate(parts), np.concatenate(numbers)


def _chunks(tokens: Tokens) -> Iterator[tuple[int, Tokens]]:
    """Parts that overlap so that every shingle is in one: its own length, and the part."""
    for begin in range(0, len(tokens) - WIDTH + 1, CHUNK):
        yield min(CHUNK, len(tokens) - begin), tokens[begin : begin + CHUNK + WIDTH - 1]


def _is_in(wanted: Hashes, hashes: Hashes) -> NDArray[np.bool_]:
    """Which of the sorted wanted hashes are among many others, most of which are not wanted."""
    table = np.zeros(_TABLE, dtype=bool)
    table[wanted % _TABLE] = True
    likely = hashes[table[hashes % _TABLE]]
    occurs: NDArray[np.bool_] = np.isin(wanted, likely)
    return occurs
