"""Several processes that train one run together: what they agree on, who writes, and shards.

Rank 0 writes all files; the others wait until it has. For a process that is alone nothing here does
anything.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from mixlaw.errors import RunError
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.records import Record
from mixlaw.rundir.spec import BaseSpec, RunSpec
from mixlaw.train.ranks import local_rank, n_ranks, rank

#: How long a rank waits for the others. Rank 0 may wait for the lock of a process that trains the
#: same run, so this is longer than any run; ``gpu_workers`` ends the ranks that a dead one leaves.
PATIENCE = timedelta(days=30)


class SharedFolder(RunFolder):
    """A run's folder in the hands of several ranks: only the first writes."""

    def begin(self) -> None:
        """As of one process."""
        self._first(super().begin)

    def append(self, records: list[Record]) -> None:
        """As of one process."""
        self._first(lambda: RunFolder.append(self, records))

    def finish(self, **facts: Any) -> None:
        """As of one process."""
        self._first(lambda: RunFolder.finish(self, **facts))

    def retry(self, spec: RunSpec | BaseSpec, step: int) -> bool:
        """As of one process."""
        if not self.may_retry(spec):
            return False
        self._first(lambda: RunFolder.retry(self, spec, step))
        return True

    def fail(self, reason: str) -> None:
        """As of one process; the others may not be there any more."""
        if rank() == 0:
            super().fail(reason)

    @contextmanager
    def lock(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Held by the first rank for all."""
        if rank() == 0:
            with super().lock(waiting):
                wait_for_all()
                yield
        else:
            wait_for_all()
            yield

    def _first(self, write: Callable[[], Any]) -> None:
        wait_for_all()
        if rank() == 0:
            write()
        wait_for_all()


@contextmanager
def process_group() -> Iterator[None]:
    """Connect the ranks with each other, until the end of the block."""
    if n_ranks() == 1:
        yield
        return
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(local_rank())
    torch.distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=PATIENCE
    )
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def wait_for_all() -> None:
    """Return when every rank has come here."""
    if n_ranks() > 1:
        _largest([0])


def any_rank(*answers: bool) -> list[bool]:
    """For each question, whether it is true for any rank; all ranks must ask together."""
    return [*answers] if n_ranks() == 1 else [bool(value) for value in _largest([*answers])]


def mean_over_ranks(value: float) -> float:
    """Mean of what every rank has measured on its own sequences; all ranks call this together."""
    if n_ranks() == 1:
        return value
    tensor = torch.tensor(value, dtype=torch.float64)
    torch.distributed.all_reduce(tensor)
    return float(tensor) / n_ranks()


def own_sequences(batch: Any) -> Any:
    """The sequences of a step that are this rank's.

    Raises:
        RunError: they cannot be dealt out evenly.
    """
    if len(batch) % n_ranks():
        raise RunError(
            f"A step of {len(batch)} sequences cannot be dealt out to {n_ranks()} GPUs; choose "
            "training.batch_tokens so that it can, or another executor.gpus_per_run."
        )
    return batch[rank() :: n_ranks()]


def shard(model: Any, device: torch.device) -> None:
    """Leave a rank's part of a model, on its device; every rank has the same one before."""
    mesh = init_device_mesh(device.type, (n_ranks(),))
    blocks = set(model._no_split_modules or ())
    for module in model.modules():
        if type(module).__name__ in blocks:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def gathered(tensor: torch.Tensor) -> torch.Tensor:
    """A whole tensor from its shards; all ranks must call this together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def sharded_like(tensor: torch.Tensor, pattern: torch.Tensor) -> torch.Tensor:
    """This rank's shard of a whole tensor, cut as another one of its shape is."""
    if not isinstance(pattern, DTensor) or tensor.shape != pattern.shape:
        return tensor
    return distribute_tensor(
        tensor.to(pattern.device), pattern.device_mesh, pattern.placements, src_data_rank=None
    )


def _largest(values: list[Any]) -> list[int]:
    tensor = torch.tensor([int(value) for value in values])
    torch.distributed.all_reduce(tensor, torch.distributed.ReduceOp.MAX)
    return [int(value) for value in tensor]
