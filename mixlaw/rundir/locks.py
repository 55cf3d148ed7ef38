"""Who works on an experiment: locks that end with their process, and the file that asks to stop.

They are files beside the runs, so they hold for every machine that sees the folder. (On NFS and
Lustre that needs locks that cross machines, which ``flock`` is where it is switched on.)
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mixlaw.errors import RunError


def is_locked(path: Path) -> bool:
    """Whether a process holds this lock now."""
    if not path.exists():
        return False
    # A shared lock on a file opened for reading: to look, nothing has to be writable.
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def sweep_lock(experiment: Path) -> Path:
    """The lock that the driver of a sweep holds."""
    return experiment / "runs" / ".lock"


def stop_file(experiment: Path) -> Path:
    """While this file is there, every process of the experiment saves and leaves."""
    return experiment / "runs" / ".stop"


@contextmanager
def only_sweep(experiment: Path) -> Iterator[None]:
    """Hold an experiment; the lock ends with the process, however that ends.

    Raises:
        RunError: another process is sweeping it.
    """
    path = sweep_lock(experiment)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"'{experiment}' is being swept by another process (it holds {path}); "
            f"wait for it or end it with 'mixlaw cancel {experiment}', then sweep again."
        ) from None
    try:
        stop_file(experiment).unlink(missing_ok=True)
        for leftover in experiment.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        yield
    finally:
        lock.release()
