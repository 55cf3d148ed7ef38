"""Exact mixtures: which sequence of which corpus a run sees at each position.

Nothing is drawn by chance but an order. Every block of sequences holds the exact number from each
corpus, so the realised share never misses the planned one by a whole sequence, at any block and
therefore at any checkpoint. (Drawing each sequence at random adds noise to the domain ratio, and
proxies are short enough to feel it.) The order within a corpus depends on the seed and the
corpus's name alone: a run with a larger share reads further in the same stream, so that ratios
are compared on common random numbers. The design is the block-deterministic mixture of levanter.
"""

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mixlaw.errors import ConfigError, DataError

Ints = NDArray[np.int64]

#: Slack for float shares in comparisons whose exact answer is an equality (0.3 of 5 sequences).
_SLACK = 1e-9


class MixtureStream:
    """The training sequences of one run, by position.

    A corpus of n tokens holds (n - 1) // seq_len sequences of seq_len + 1 tokens; neighbours share
    one token, so every token is a target once per epoch. Each epoch has its own order. Any
    position can be read at any time: a resumed run continues without replaying.

    Args:
        corpora: tokens by corpus name, each of shape (n_tokens,); memory maps are fine.
        shares: planned token shares by corpus name, summing to one.
        seq_len: predicted tokens per sequence.
        block: sequences per block; shares are exact at every multiple of it.
        seed: of all orders.
        start: sequences of a corpus that are already used: its stream begins after them, so
            unseen text comes first.
        start_seed: seed of the stream that used them; default ``seed``.
        max_epochs: how often a corpus may be read, passes before ``start`` included; default once.

    Raises:
        ConfigError: a share has no corpus, or the shares do not sum to one.
        DataError: a corpus is shorter than one sequence.
    """

    def __init__(
        self,
        corpora: Mapping[str, NDArray[np.integer]],
        shares: Mapping[str, float],
        *,
        seq_len: int,
        block: int,
        seed: int,
        start: Mapping[str, int] | None = None,
        start_seed: int | None = None,
        max_epochs: Mapping[str, float] | None = None,
    ) -> None:
        self.names = tuple(name for name, share in shares.items() if share > 0)
        self.shares = np.array([shares[name] for name in self.names])
        _check_shares(corpora, shares)
        self.seq_len, self.block, self.seed = seq_len, block, seed
        self._tokens = [corpora[name] for name in self.names]
        self._n_sequences = [_n_sequences(name, corpora[name], seq_len) for name in self.names]
        self._start = [(start or {}).get(name, 0) for name in self.names]
        self._start_seed = seed if start_seed is None else start_seed
        self._max_epochs = [(max_epochs or {}).get(name, 1.0) for name in self.names]
        self._allocation = Allocation(self.shares, block)
        self._order = lru_cache(maxsize=2 * len(self.names))(self._epoch_order)
        self._layout = lru_cache(maxsize=16)(self._block_layout)

    def batch(self, first: int, size: int) -> Ints:
        """Sequences at the positions first, ..., first + size - 1; shape (size, seq_len + 1).

        Raises:
            DataError: a corpus is used up; the message says how many tokens are missing.
        """
        self.check(first + size)
        rows = np.empty((size, self.seq_len + 1), dtype=np.int64)
        for row, position in enumerate(range(first, first + size)):
            corpora, ranks = self._layout(position // self.block)
            corpus, rank = corpora[position % self.block], ranks[position % self.block]
            rows[row] = self._sequence(int(corpus), int(rank))
        return rows

    def counts(self, n_sequences: int) -> dict[str, int]:
        """Sequences from each corpus among the first n."""
        blocks, rest = divmod(n_sequences, self.block)
        totals = self._allocation.before(blocks).copy()
        if rest:
            corpora, _ = self._layout(blocks)
            totals += np.bincount(corpora[:rest], minlength=len(self.names))
        return dict(zip(self.names, totals.tolist(), strict=True))

    def epochs(self, n_sequences: int) -> dict[str, float]:
        """Passes over each corpus made by the first n sequences, those before ``start`` apart."""
        counts = self.counts(n_sequences)
        return {
            name: counts[name] / available
            for name, available in zip(self.names, self._n_sequences, strict=True)
        }

    def unique_tokens(self) -> dict[str, int]:
        """Distinct tokens available in each corpus."""
        return {
            name: available * self.seq_len
            for name, available in zip(self.names, self._n_sequences, strict=True)
        }

    def check(self, n_sequences: int) -> None:
        """Refuse a run of this length before it starts if a corpus is too small for it.

        Raises:
            DataError: naming the corpus, the missing tokens and what to do.
        """
        counts = self.counts(n_sequences)
        for i, name in enumerate(self.names):
            needed = self._start[i] + counts[name]
            allowed = int(self._max_epochs[i] * self._n_sequences[i])
            if needed > allowed:
                raise DataError(_too_small(name, self, i, needed, allowed))

    def _sequence(self, corpus: int, rank: int) -> NDArray[np.integer]:
        epoch, place = divmod(self._start[corpus] + rank, self._n_sequences[corpus])
        begin = int(self._order(corpus, epoch)[place]) * self.seq_len
        return self._tokens[corpus][begin : begin + self.seq_len + 1]

    def _epoch_order(self, corpus: int, epoch: int) -> Ints:
        """Order of a corpus's sequences in one epoch: a permutation of all of them.

        In the epoch that ``start`` falls into, what the earlier stream used stays in front.
        """
        name, n = self.names[corpus], self._n_sequences[corpus]
        begun, used = divmod(self._start[corpus], n)
        if epoch > begun or self._start_seed == self.seed:
            return _rng(self.seed, name, epoch).permutation(n)
        order = _rng(self._start_seed, name, epoch).permutation(n)
        order[used:] = _rng(self.seed, name, epoch).permutation(order[used:])
        return order

    def _block_layout(self, block: int) -> tuple[Ints, Ints]:
        """Of each place in a block: its corpus, and its rank in that corpus's stream."""
        before = self._allocation.before(block)
        counts = self._allocation.before(block + 1) - before
        corpora = np.repeat(np.arange(len(self.names)), counts)
        corpora = _rng(self.seed, "", block).permutation(corpora)
        ranks = np.empty_like(corpora)
        for corpus, first in enumerate(before):
            here = corpora == corpus
            ranks[here] = first + np.arange(here.sum())
        return corpora, ranks


class Allocation:
    """How many sequences each corpus has had after k blocks, as near its share as integers allow.

    Largest remainders of the running totals would do for two corpora; for more they can take a
    sequence back (the Alabama paradox). Tijdeman's rule for the chairman assignment problem
    (Discrete Mathematics 32, 1980) never does, and no total ever misses its share by more than
    1 - 1/(2n - 2) of a sequence, for n corpora; for two that is plain rounding.
    """

    def __init__(self, shares: NDArray[np.float64], block: int) -> None:
        self._shares = shares.tolist()
        self._block = block
        self._slack = 1 / (2 * len(shares) - 2) if len(shares) > 1 else 0.0
        self._totals: list[Ints] = [np.zeros(len(shares), dtype=np.int64)]

    def before(self, block: int) -> Ints:
        """Sequences by corpus in all blocks before this one, shape (n_corpora,)."""
        while len(self._totals) <= block:
            self._totals.append(self._next_totals())
        return self._totals[block]

    def _next_totals(self) -> Ints:
        totals = self._totals[-1].tolist()
        first = (len(self._totals) - 1) * self._block
        for n in range(first + 1, first + self._block + 1):
            totals[self._most_urgent(n, totals)] += 1
        return np.array(totals, dtype=np.int64)

    def _most_urgent(self, n: int, totals: list[int]) -> int:
        """The corpus, among those far enough behind their share, whose deadline is nearest."""
        urgent, deadline = 0, float("inf")
        for corpus, share in enumerate(self._shares):
            behind = share * n - totals[corpus]
            due = (1 - self._slack - behind) / share
            if behind >= self._slack - _SLACK and due < deadline - _SLACK:
                urgent, deadline = corpus, due
        return urgent


def _rng(seed: int, name: str, number: int) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little"), number])


def _n_sequences(name: str, tokens: NDArray[np.integer], seq_len: int) -> int:
    if len(tokens) <= seq_len:
        raise DataError(
            f"The corpus '{name}' has {len(tokens)} tokens; one sequence needs {seq_len + 1}."
        )
    return (len(tokens) - 1) // seq_len


def _check_shares(corpora: Mapping[str, object], shares: Mapping[str, float]) -> None:
    missing = [name for name, share in shares.items() if share > 0 and name not in corpora]
    if missing:
        raise ConfigError(
            f"The mixture names '{missing[0]}', which is no corpus; known: {', '.join(corpora)}."
        )
    total = sum(shares.values())
    if abs(total - 1) > _SLACK or min(shares.values()) < 0:
        raise ConfigError(f"The shares {dict(shares)} must be 0 or more and sum to 1.")


def _too_small(name: str, stream: MixtureStream, i: int, needed: int, allowed: int) -> str:
    epochs = math.ceil(100 * needed / stream._n_sequences[i]) / 100
    missing = (needed - allowed) * stream.seq_len
    return (
        f"The corpus '{name}' is too small: {missing:,} tokens are missing "
        f"(it has {stream._n_sequences[i] * stream.seq_len:,}, read at most "
        f"{stream._max_epochs[i]:g} times); add text, shorten the run, or allow repetition with "
        f"max_epochs: {{{name}: {epochs:g}}} or more."
    )
