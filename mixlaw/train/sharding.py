"""A model larger than one GPU: weights, gradients and optimiser in shards, one a rank.

FSDP of PyTorch itself (``fully_shard``): every block is put together for its own forward and
backward pass only, and gradients are averaged over the ranks. ``accelerate`` calls the same
function, but for GPUs alone; here two processes of a CPU do what GPUs do, and tests can see it.
"""

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from mixlaw.train.ranks import n_ranks


def shard(model: Any, device: torch.device) -> None:
    """Leave a rank's part of a model, on its device; every rank has the same one before."""
    mesh = init_device_mesh(device.type, (n_ranks(),))
    blocks = set(model._no_split_modules or ())
    for module in model.modules():
        if type(module).__name__ in blocks:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor put together from its shards; all ranks must ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def in_parts(tensor: torch.Tensor, pattern: torch.Tensor) -> torch.Tensor:
    """A whole tensor in shards like those of another one of its shape."""
    if not isinstance(pattern, DTensor) or tensor.shape != pattern.shape:
        return tensor
    return distribute_tensor(
        tensor.to(pattern.device), pattern.device_mesh, pattern.placements, src_data_rank=None
    )
