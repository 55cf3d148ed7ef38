"""Ray: an existing cluster by its address, or one started on this machine for the sweep.

Every job is an actor that holds one process. A node that is lost takes its actors along, and the
driver starts their jobs again elsewhere; processes that outlive their actor save and leave.
"""

import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from mixlaw.cores import available_cores
from mixlaw.errors import RunError
from mixlaw.executors import Job, Process, Wanted, optional_package
from mixlaw.experiment import Section

#: Seconds after which a cluster or an actor that has not answered is taken for gone; conventional.
ANSWER_SECONDS = 5.0


class Options(Section):
    """Options of this executor.

    Attributes:
        address: of the cluster, ``HOST:PORT`` or ``auto`` for the one that ``ray start`` started on
            this machine; None starts one here and ends it with the sweep.
    """

    address: str | None = None


class Runner:
    """The actor: one process on whichever node Ray chose."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def run(self, job: Job) -> int:
        """Start the process and wait for its exit code."""
        self._process = Process(job)
        return self._process.wait()

    def stop(self) -> None:
        """Have it save and leave."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """End it now."""
        if self._process:
            self._process.kill()


class RayHandle:
    """A job that Ray places and holds."""

    def __init__(self, ray: Any, actor: Any, job: Job) -> None:
        self._ray, self._actor = ray, actor
        self._end = actor.run.remote(job)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Exit code; that of SIGKILL if the node or the actor is gone."""
        if self._code is None and self._ray.wait([self._end], timeout=0)[0]:
            try:
                self._code = self._ray.get(self._end)
            except self._ray.exceptions.RayActorError:
                self._code = -signal.SIGKILL
            self._ray.kill(self._actor)
        return self._code

    def stop(self) -> None:
        """SIGTERM to the process."""
        if self.poll() is None:
            self._actor.stop.remote()

    def kill(self) -> None:
        """SIGKILL to the process, or to an actor that has none or does not answer."""
        if self.poll() is None:
            with suppress(self._ray.exceptions.RayError):
                self._ray.get(self._actor.kill.remote(), timeout=ANSWER_SECONDS)
            self._ray.wait([self._end], timeout=ANSWER_SECONDS)
            self._ray.kill(self._actor)


class RayExecutor:
    """A connection to a cluster; this process has one at a time."""

    def __init__(self, ray: Any, wanted: Wanted) -> None:
        self._ray, self._wanted = ray, wanted

    @property
    def slots(self) -> int:
        """What the nodes that are there now have room for, and no more than ``workers``."""
        resources = self._ray.cluster_resources()
        room = int(resources.get("CPU", 0))
        if self._wanted.gpus:
            room = min(room, int(resources.get("GPU", 0)) // self._wanted.gpus)
        return max(1, min(self._wanted.workers or room, room))

    def start(self, jobs: Sequence[Job]) -> list[RayHandle]:
        """Have each job started where there is room."""
        return [self._start(job) for job in jobs]

    def _start(self, job: Job) -> RayHandle:
        # Two threads: one waits for the process while the other passes a signal on to it.
        actor = self._ray.remote(Runner).options(
            num_cpus=job.cpus, num_gpus=job.gpus, max_concurrency=2, name=None
        )
        return RayHandle(self._ray, actor.remote(), job)

    def close(self) -> None:
        """Disconnect; a cluster that was started here ends."""
        self._ray.shutdown()


def open_executor(options: Options, wanted: Wanted) -> RayExecutor:
    """Connect to a cluster, or start one with as many cores as this process may use.

    Raises:
        ConfigError: the package is not installed.
        RunError: there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = optional_package("ray")
    settings: dict[str, Any] = {"address": options.address}
    if options.address is None:
        cores = wanted.workers or available_cores()
        settings = {"address": "local", "num_cpus": cores, "include_dashboard": False}
    try:
        _reach(options.address)
        ray.init(**settings, log_to_driver=False, logging_level="ERROR")
    except OSError as error:
        raise RunError(
            f"There is no Ray cluster at '{options.address}' ({error}): start one with 'ray start "
            "--head', or leave executor.ray.address out and one is started for the sweep."
        ) from None
    return RayExecutor(ray, wanted)


def _reach(address: str | None) -> None:
    """Connect once: Ray itself tries a wrong address for minutes, then ends the process.

    Raises:
        OSError: nobody listens there.
    """
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
