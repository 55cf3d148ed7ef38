"""How precisely a held-out set can measure a loss, before anything is trained.

A bigram model of the training tokens stands for the proxy: over documents its loss scatters about
as much. On the built-in pair its standard errors were 0.064 (domain) and 0.033 nats (general) at
24k tokens, where those of trained proxies of 50k to 200k parameters were 0.03 to 0.06 and 0.02 to
0.035. They concern one absolute loss; differences between runs on the same windows are several
times more precise.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mixlaw.corpora.held_out import document_error
from mixlaw.corpora.tokens import Tokens
from mixlaw.quantities import format_quantity

#: Training tokens that the bigram model is counted on.
MOST_TOKENS = 2_000_000
#: Weight of the unigram distribution in a bigram's, in counts.
SMOOTHING = 20.0
#: Resamples of documents: the error has itself a relative error of 1 / sqrt(2 * 400), 3.5%.
N_RESAMPLES = 400


def standard_error(
    windows: NDArray[np.int64], documents: NDArray[np.int64], tokens: Tokens
) -> float | None:
    """Standard error of a mean loss in nats, by bootstrap over documents; None for a single one.

    Args:
        windows: token ids, shape (n_windows, seq_len + 1).
        documents: number of each window's document, shape (n_windows,).
        tokens: training tokens, shape (n_tokens,).
    """
    losses = bigram_losses(windows, tokens[:MOST_TOKENS].astype(np.int64))
    error = document_error(losses.sum(axis=1), documents, losses.shape[1], N_RESAMPLES)
    return None if math.isnan(error) else error


def tokens_needed(n_tokens: int, error: float, precision: float) -> int:
    """Held-out tokens that would measure to ``precision``, if this many have this error."""
    return int(np.ceil(n_tokens * (error / precision) ** 2))


def precision_note(
    name: str, n_tokens: int, error: float | None, precision: float
) -> Iterator[str]:
    """A sentence on a held-out set that is too small for the wanted precision.

    Args:
        name: of the corpus.
        n_tokens: size of the set.
        error: standard error of a loss on it in nats; None if it is from too few documents.
        precision: wanted standard error, in nats.
    """
    if error is None:
        yield (
            f"How precisely the {n_tokens:,} held-out tokens of '{name}' measure a loss is not "
            "known: they are from a single document; add documents."
        )
    elif error > precision:
        yield (
            f"The {n_tokens:,} held-out tokens of '{name}' measure a loss to about {error:.2g} "
            f"nats (standard error); {precision:g} would take about "
            f"{format_quantity(tokens_needed(n_tokens, error, precision))}. Differences between "
            "runs are measured more precisely than losses."
        )


def bigram_losses(windows: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """Loss of every scored token under a smoothed bigram model, shape (n_windows, seq_len)."""
    n_ids = int(max(windows.max(), tokens.max())) + 1
    counts = np.bincount(tokens, minlength=n_ids)
    unigram = (counts + 1) / (counts.sum() + n_ids)
    pairs, n_pairs = np.unique(tokens[:-1] * n_ids + tokens[1:], return_counts=True)
    wanted = windows[:, :-1] * n_ids + windows[:, 1:]
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    count = np.where(pairs[place] == wanted, n_pairs[place], 0)
    smoothed = count + SMOOTHING * unigram[windows[:, 1:]]
    losses: NDArray[np.float64] = -np.log(smoothed / (counts[windows[:, :-1]] + SMOOTHING))
    return losses
