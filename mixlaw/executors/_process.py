"""A job as a process of this machine."""

import os
import signal
import subprocess

from mixlaw.executors import PARENT_VARIABLE, VISIBLE_GPUS, Job


class Process:
    """A running command; one that needs no GPU sees none.

    Args:
        job: what to run.
        log: whether its output goes to the job's log; otherwise to this process's stderr.
        environment: variables on top of the job's.
        own_session: whether Ctrl-C on this terminal passes it by.
    """

    def __init__(
        self,
        job: Job,
        *,
        log: bool = True,
        environment: dict[str, str] | None = None,
        own_session: bool = True,
    ) -> None:
        facts = {PARENT_VARIABLE: str(os.getpid())} | ({} if job.gpus else {VISIBLE_GPUS: ""})
        with job.log.open("ab") as file:
            self._popen = subprocess.Popen(
                list(job.argv),
                env={**os.environ, **facts, **job.environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file if log else 2,
                stderr=subprocess.STDOUT,
                start_new_session=own_session,
            )

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._popen.poll()

    def wait(self) -> int:
        """Exit code, once it has ended."""
        return self._popen.wait()

    def stop(self) -> None:
        """SIGTERM to the process, which saves and leaves."""
        self._popen.terminate()

    def end(self) -> None:
        """SIGKILL to the process alone."""
        self._popen.kill()

    def kill(self) -> None:
        """SIGKILL to its whole session."""
        if self.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
