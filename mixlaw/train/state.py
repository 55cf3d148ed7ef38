"""Where a leg of training begins: new weights, a base's weights, or its own checkpoint."""

import logging
import os
from pathlib import Path

import torch

from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.shape import ExistingShape
from mixlaw.rundir.spec import AnySpec, ExistingSpec
from mixlaw.train.checkpoint import DamagedCheckpointError, State, load_checkpoint, load_weights
from mixlaw.train.distributed import shard
from mixlaw.train.model import build_model, build_optimizer, configure
from mixlaw.train.pretrained import load_model
from mixlaw.train.ranks import local_rank, n_ranks

log = logging.getLogger(__name__)


def set_up_torch() -> None:
    """Have torch use one thread, and only operations that give the same bits again.

    Two spinning OpenMP threads on a busy machine are 10 to 100 times slower than one. A GPU's
    matrix products repeat their bits only with a fixed workspace, and torch refuses them without.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def device() -> torch.device:
    """Where this process trains: a GPU if it may see one."""
    return torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")


def new_state(spec: AnySpec, base: RunFolder | None = None) -> State:
    """A model with a fresh optimiser.

    Args:
        spec: what it is.
        base: whose weights it starts with; None draws them anew.
    """
    if isinstance(spec, ExistingSpec) or isinstance(spec.shape, ExistingShape):
        assert base is not None
        model = load_model(base.source)
    else:
        model = build_model(spec.shape, spec.data.seq_len, spec.seed)
        if base is not None:
            load_weights(model, base.weights)
    if n_ranks() > 1:
        shard(model, device())
    model.to(device())
    configure(model, spec.compute)
    weight_decay = 0.0 if isinstance(spec, ExistingSpec) else spec.optim.weight_decay
    return State(model, build_optimizer(model, weight_decay))


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
