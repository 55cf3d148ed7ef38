"""Several processes that train one run together, each a rank: what they agree on and who writes.

Their number and order are in the environment, as ``torchrun`` sets it; a process without these
variables is alone, and nothing here does anything for it. Rank 0 writes all files; the others wait
until it has.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from mixlaw.errors import RunError
from mixlaw.rundir.folder import Record, RunFolder
from mixlaw.rundir.spec import BaseSpec, RunSpec

#: Waiting for another process's lock may take as long as its run; dead ranks end the others.
PATIENCE = timedelta(days=30)


def n_ranks() -> int:
    """Processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Number of this one among them."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """Number of this one on its machine; of its GPU too."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def together() -> Iterator[None]:
    """Have the ranks find each other, until the end of the block."""
    if n_ranks() == 1:
        yield
        return
    import torch

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


def leave(code: int) -> NoReturn:
    """End this process; a rank without the interpreter's tear-down.

    Threads that torch leaves behind in a process group can abort a rank in it, once all is written
    ("terminate called without an active exception", three times in about forty jobs).
    """
    if n_ranks() == 1:
        sys.exit(code)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def wait_for_all() -> None:
    """Return when every rank has come here."""
    if n_ranks() > 1:
        _largest([0])


def agreed(*answers: bool) -> list[bool]:
    """What any rank says yes to."""
    return [*answers] if n_ranks() == 1 else [bool(value) for value in _largest([*answers])]


def _largest(values: list[Any]) -> list[int]:
    import torch

    tensor = torch.tensor([int(value) for value in values])
    torch.distributed.all_reduce(tensor, torch.distributed.ReduceOp.MAX)
    return [int(value) for value in tensor]


def mean(value: float) -> float:
    """Mean over ranks of what each has measured on its own sequences."""
    if n_ranks() == 1:
        return value
    import torch

    tensor = torch.tensor(value, dtype=torch.float64)
    torch.distributed.all_reduce(tensor)
    return float(tensor) / n_ranks()


def share(batch: Any) -> Any:
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


class SharedFolder(RunFolder):
    """A run's folder in the hands of several ranks: only the first writes."""

    def _first(self, write: Callable[[], Any]) -> None:
        wait_for_all()
        if rank() == 0:
            write()
        wait_for_all()

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
