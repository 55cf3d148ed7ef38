"""Faults of the machine as sentences: files that cannot be written, memory that ran out."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mixlaw.errors import RunError

#: Errors of the system that say that a file cannot be written: full, over quota, read-only, not
#: permitted, broken, too large.
_CANNOT_WRITE = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG,
}  # fmt: skip
#: Advice where memory ran out in a driver.
_LESS_AT_ONCE = "Lower executor.workers, or end other programs"


class CannotWriteError(RunError):
    """The disk is full or read-only, or the folder may not be written to."""

    exit_code = 74  # EX_IOERR of sysexits.h


class OutOfMemoryError(RunError):
    """Memory ran out."""


@contextmanager
def plain_faults(folder: Path, advice: Callable[[], str] = lambda: _LESS_AT_ONCE) -> Iterator[None]:
    """Raise faults of the machine as errors of one sentence.

    Args:
        folder: what is worked on.
        advice: gives what to do where memory runs out; called only then.

    Raises:
        CannotWriteError: something in ``folder`` could not be written.
        OutOfMemoryError: memory ran out.
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
    """PyTorch has a class of error for GPUs only; on a CPU only the message tells."""
    return isinstance(error, MemoryError) or any(
        phrase in str(error) for phrase in ("can't allocate memory", "out of memory")
    )
