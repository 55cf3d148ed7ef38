"""The loss of a model on a held-out set: one definition, with a version.

Mean cross-entropy in nats per token over all scored tokens of fixed windows, the same for every
run of an experiment; bits per byte over the bytes that these tokens stand for.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mixlaw.corpora.held_out import HeldOut, document_error
from mixlaw.corpora.prepare import Corpora
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.records import Record
from mixlaw.rundir.spec import Identified, Spec
from mixlaw.train.checkpoint import State
from mixlaw.train.loop import DivergedError
from mixlaw.train.model import step_flops, token_losses

#: Windows per forward pass; part of the definition of a loss, since it may change its last bits.
EVAL_BATCH = 16
#: Resamples of documents for ``loss_se``, which has then itself a relative error of
#: 1 / sqrt(2 * 200), 5%; part of the definition too.
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


def eval_batch(spec: Identified) -> int:
    """Windows per forward pass: no more than go through the model in training."""
    return min(EVAL_BATCH, spec.micro_batch or EVAL_BATCH)


@dataclass
class Recorder:
    """Evaluates a state on every held-out set and keeps the records.

    Attributes:
        folder: where records go.
        corpora: whose held-out sets are measured.
        step_flops: training FLOPs a step.
        eval_batch: windows per forward pass.
    """

    folder: RunFolder
    corpora: Corpora
    step_flops: int
    eval_batch: int = EVAL_BATCH

    @classmethod
    def of(cls, folder: RunFolder, spec: Spec, corpora: Corpora, model: Any) -> "Recorder":
        """That of a base or run in training."""
        return cls(folder, corpora, step_flops(spec, model), eval_batch(spec))

    def has(self, run_id: str, tokens: int) -> bool:
        """Whether all eval sets are recorded for this point."""
        known = {record.key for record in self.folder.records()}
        return all((run_id, tokens, name) in known for name in self.corpora.held_out)

    def measure(
        self, state: State, run_id: str, *, tokens: int, annealed: bool, budget: int | None = None
    ) -> None:
        """Evaluate and record, unless an interrupted run has done so already.

        Raises:
            DivergedError: a held-out loss is not finite.
        """
        if self.has(run_id, tokens):
            return
        results = {
            name: evaluate(state.model, held_out, self.eval_batch)
            for name, held_out in self.corpora.held_out.items()
        }
        if not all(measured.is_finite for measured in results.values()):
            raise DivergedError(state.step)
        self.folder.append(
            [
                self._record(run_id, tokens, name, measured, annealed, budget, state.step)
                for name, measured in results.items()
            ]
        )

    def diverged(self, run_id: str, *, step: int, tokens: int, budget: int | None = None) -> None:
        """Record that a run ended here without a loss: such rows are kept and flagged."""
        self.folder.append(
            [
                self._record(run_id, tokens, name, None, False, budget, step)
                for name in self.corpora.held_out
            ]
        )

    def _record(
        self,
        run_id: str,
        tokens: int,
        name: str,
        measured: Measured | None,
        annealed: bool,
        budget: int | None,
        step: int,
    ) -> Record:
        return Record(
            run_id=run_id,
            tokens=tokens,
            eval_set=name,
            loss=measured.loss if measured else None,
            loss_se=measured.loss_se if measured and math.isfinite(measured.loss_se) else None,
            bpb=measured.bpb if measured else None,
            eval_tokens=self.corpora.held_out[name].n_tokens,
            annealed=annealed,
            token_budget=budget,
            flops=step * self.step_flops,
        )
