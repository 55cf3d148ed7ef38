"""One job on several GPUs of a machine: ``python -m mixlaw.sweep.gpu_workers N FOLDER...``.

It starts N workers, the ranks of one run, with the variables that ``torchrun`` sets. It does what
``torchrun`` does not: it hands on the exit code of the workers, gives them the time they need to
save, and ends them when its own parent has gone.
"""

import math
import os
import signal
import socket
import sys
import time
from pathlib import Path

from mixlaw.executors import PARENT_VARIABLE, Job, Process

#: Seconds between two looks at the workers.
POLL_SECONDS = 0.1
#: Seconds that the others may go on once one rank has ended: they may be waiting for it for ever.
#: Less than the driver's own ``GRACE_SECONDS``, so that this process can still report the end.
GRACE_SECONDS = 15.0
#: Signals that end a job: of a person, of an executor, and of a scheduler.
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
            Process(
                job, log=False, own_session=False, environment=_rank_variables(rank, n_ranks, port)
            )
            for rank in range(n_ranks)
        ]
        self._parent = int(os.environ.get(PARENT_VARIABLE, 0))
        self._stop_requested = False
        self._deadline = math.inf

    def stop(self, *_: object) -> None:
        """Have them save and leave."""
        self._stop_requested = True

    def wait(self) -> int:
        """Wait for all of them.

        Returns:
            The exit code of the first rank that did not end well; 0 if all did.
        """
        stops_sent = False
        while (codes := [process.poll() for process in self._processes]).count(None):
            if (self._stop_requested or self._is_orphan) and not stops_sent:
                stops_sent = True
                for process in self._processes:
                    process.stop()
            self._end_stragglers(any(code is not None for code in codes))
            time.sleep(POLL_SECONDS)
        return next((code for code in codes if code), 0)

    @property
    def _is_orphan(self) -> bool:
        return self._parent > 0 and os.getppid() != self._parent

    def _end_stragglers(self, one_has_ended: bool) -> None:
        if one_has_ended:
            self._deadline = min(self._deadline, time.monotonic() + GRACE_SECONDS)
        if time.monotonic() > self._deadline:
            for process in self._processes:
                process.end()


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


def _rank_variables(rank: int, n_ranks: int, port: int) -> dict[str, str]:
    """The variables by which a rank knows its number and reaches the others."""
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
