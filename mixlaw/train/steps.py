"""What a training loop asks for: the gradients of one batch."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Batch:
    """A step whose gradients are wanted.

    Attributes:
        model: that is to have them.
        sequences: token ids, shape (batch_size, seq_len + 1).
        micro_batch: sequences that go through the model at once.
    """

    model: Any
    sequences: "torch.Tensor"
    micro_batch: int


Loop = Generator[Batch, float, None]
