"""Where a leg of training begins: new weights, a base's weights, or its own checkpoint."""

import logging
from pathlib import Path

import torch

from mixlaw.train.checkpoint import DamagedCheckpointError, State, load_checkpoint, load_weights
from mixlaw.train.model import build_model, build_optimizer
from mixlaw.train.spec import BaseSpec, RunSpec

log = logging.getLogger(__name__)


def one_thread() -> None:
    """One thread a process, and only operations that give the same bits again.

    Two spinning OpenMP threads on a busy machine are 10 to 100 times slower than one.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def new_state(spec: BaseSpec | RunSpec, weights: Path | None = None) -> State:
    """A model with a fresh optimiser: newly drawn, or with a base's weights."""
    model = build_model(spec.shape, spec.data.seq_len, spec.seed)
    if weights is not None:
        load_weights(model, weights)
    return State(model, build_optimizer(model, spec.optim.weight_decay))


def resume(state: State, checkpoint: Path) -> bool:
    """Continue from a checkpoint if there is a sound one; a damaged one is deleted, saying so."""
    if not checkpoint.exists():
        return False
    try:
        load_checkpoint(state, checkpoint)
    except DamagedCheckpointError as error:
        log.warning("%s This leg is trained again from its start.", error)
        checkpoint.unlink()
        return False
    return True
