"""A job as a process of this machine."""

import os
import signal
import subprocess

from mixlaw.executors import Job


class Process:
    """A running command in a session of its own, so that Ctrl-C reaches the driver alone.

    Args:
        job: what to run.
        log: whether its output goes to the job's log; otherwise to this process's stderr.
    """

    def __init__(self, job: Job, *, log: bool) -> None:
        environment = {**os.environ, **job.environment}
        with job.log.open("ab") as file:
            self._popen = subprocess.Popen(
                list(job.argv),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file if log else 2,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._popen.poll()

    def stop(self) -> None:
        """SIGTERM to the process, which saves and leaves."""
        self._popen.terminate()

    def kill(self) -> None:
        """SIGKILL to its whole session."""
        if self.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
