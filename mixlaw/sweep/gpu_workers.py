"""One job on several GPUs of a machine: ``python -m mixlaw.sweep.gpu_workers N FOLDER...``.

It starts N workers with the variables that ``torchrun`` sets, which would do as well but for three
things: it hands on the exit code of the workers, gives them the time they need to save, and ends
them when its own parent has gone.
"""

import math
import os
import signal
import socket
import sys
import time
from pathlib import Path

from mixlaw.executors import PARENT_VARIABLE, Job
from mixlaw.executors._process import Process

POLL_SECONDS = 0.1
#: How long the others may go on once one rank has ended: they may be waiting for it for ever.
GRACE_SECONDS = 15.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class Ranks:
    """The workers of one job.

    Args:
        n_ranks: how many.
        folders: what they train.
    """

    def __init__(self, n_ranks: int, folders: list[str]) -> None:
        argv = [sys.executable, "-m", "mixlaw.sweep.worker", *folders]
        job, port = Job("ranks", argv, Path(os.devnull), gpus=n_ranks), _free_port()
        self._processes = [
            Process(job, log=False, own_session=False, environment=_place(rank, n_ranks, port))
            for rank in range(n_ranks)
        ]
        self._parent = int(os.environ.get(PARENT_VARIABLE, 0))
        self._must_stop = False
        self._deadline = math.inf

    def stop(self, *_: object) -> None:
        """Ask them to save and leave."""
        self._must_stop = True

    def wait(self) -> int:
        """Wait for all of them.

        Returns:
            The exit code of the first rank that did not end well; 0 if all did.
        """
        told = False
        while (codes := [process.poll() for process in self._processes]).count(None):
            if (self._must_stop or self._is_alone) and not told:
                told = True
                for process in self._processes:
                    process.stop()
            self._end_stragglers(any(code is not None for code in codes))
            time.sleep(POLL_SECONDS)
        return next((code for code in codes if code), 0)

    @property
    def _is_alone(self) -> bool:
        return self._parent > 0 and os.getppid() != self._parent

    def _end_stragglers(self, one_has_ended: bool) -> None:
        if one_has_ended:
            self._deadline = min(self._deadline, time.monotonic() + GRACE_SECONDS)
        if time.monotonic() > self._deadline:
            for process in self._processes:
                process.end()


def _place(rank: int, n_ranks: int, port: int) -> dict[str, str]:
    """Where a rank finds the others."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(n_ranks),
        "LOCAL_WORLD_SIZE": str(n_ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main(arguments: list[str]) -> int:
    """Entry point of the process; it dies of the signal that a rank died of."""
    ranks = Ranks(int(arguments[0]), arguments[1:])
    for number in SIGNALS:
        signal.signal(number, ranks.stop)
    code = ranks.wait()
    if code < 0:
        if -code in SIGNALS:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
