"""The loss of a model on a held-out set: one definition, with a version.

Mean cross-entropy in nats per token over all scored tokens of fixed windows, the same for every
run of an experiment; bits per byte over the bytes that these tokens stand for.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mixlaw.corpora.held_out import HeldOut, document_error
from mixlaw.train.model import token_losses

#: Windows per forward pass; part of the definition, since it may change the last bits.
EVAL_BATCH = 16
BOOTSTRAP_SAMPLES = 200

Losses = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """Loss of one model on one held-out set.

    Attributes:
        loss: nats per token.
        loss_se: its standard error over documents.
        bpb: bits per byte.
        eval_tokens: scored tokens.
    """

    loss: float
    loss_se: float
    bpb: float
    eval_tokens: int

    @property
    def is_finite(self) -> bool:
        """Whether the loss is a number."""
        return math.isfinite(self.loss)


def evaluate(model: nn.Module, held_out: HeldOut, batch_size: int = EVAL_BATCH) -> Measured:
    """The loss of a model on a held-out set, with its standard error.

    Args:
        model: the network.
        held_out: what it is measured on.
        batch_size: windows per forward pass.
    """
    sums = window_losses(model, held_out.windows, batch_size)
    total, n_tokens = float(sums.sum()), held_out.n_tokens
    return Measured(
        loss=total / n_tokens,
        loss_se=standard_error(sums, held_out),
        bpb=total / math.log(2) / held_out.n_bytes,
        eval_tokens=n_tokens,
    )


def window_losses(
    model: nn.Module, windows: NDArray[np.int64], batch_size: int = EVAL_BATCH
) -> Losses:
    """Summed loss of every window, shape (n_windows,)."""
    sums = np.empty(len(windows))
    with torch.inference_mode():
        for first in range(0, len(windows), batch_size):
            batch = torch.from_numpy(windows[first : first + batch_size])
            losses = token_losses(model, batch).double().sum(dim=1)
            sums[first : first + batch_size] = losses.cpu().numpy()
    return sums


def standard_error(sums: Losses, held_out: HeldOut) -> float:
    """Standard error of the mean loss, from ``document_error``."""
    seq_len = held_out.windows.shape[1] - 1
    return document_error(sums, held_out.documents, seq_len, BOOTSTRAP_SAMPLES)
