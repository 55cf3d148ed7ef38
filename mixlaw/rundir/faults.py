"""Faults of the machine as sentences: files that cannot be written, memory that ran out."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mixlaw.errors import RunError

_CANNOT_WRITE = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG,
}  # fmt: skip


class CannotWriteError(RunError):
    """The disk is full or read-only, or the folder belongs to somebody else."""

    exit_code = 74  # EX_IOERR of sysexits.h


class OutOfMemoryError(RunError):
    """Memory ran out."""


def _for_drivers() -> str:
    return "Lower executor.workers, or end other programs"


@contextmanager
def plain_faults(folder: Path, advice: Callable[[], str] = _for_drivers) -> Iterator[None]:
    """Say in a sentence what the machine refused.

    Args:
        folder: what is worked on.
        advice: what to do where memory runs out; asked for only then.

    Raises:
        CannotWriteError: something in ``folder`` could not be written.
        OutOfMemoryError: memory could not be had.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        raise CannotWriteError(
            f"'{error.filename or folder}' cannot be written: {error.strerror}. Mend that and "
            "sweep again; what is done is kept."
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            f"Memory ran out for {folder.name}. {advice()}; then sweep again."
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    """PyTorch has a class for GPUs only; on a CPU it says so in words."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "out of memory")
    )
