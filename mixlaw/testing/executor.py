"""What every executor keeps: exit codes, signals, odd names, stops that ask, kills that insist."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mixlaw import plugins
from mixlaw.executors import STOPPED, Executor, Handle, Job, Wanted
from mixlaw.testing.conformance import empty_folder, require

#: Seconds after which a job that has not ended, or not begun, counts as lost.
PATIENCE = 60.0
#: Seconds in which the children of a killed job have to be gone.
PATIENCE_FOR_CHILDREN = 10.0
_LOOK = 0.02

ODD = ("plain", "with space", "qu'o\"te", "ünï-$HOME;&", "new\nline")
_TOUCH = "import sys; open(sys.argv[1], 'w')"
_WRITE = "import os, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(os.environ['ODD'])"
_SAVES_AND_LEAVES = f"""
import signal, sys, time, pathlib
signal.signal(signal.SIGTERM, lambda *_: sys.exit({STOPPED}))
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""
_STAYS = """
import signal, subprocess, sys, time, pathlib
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
pathlib.Path(sys.argv[1] + '.tmp').write_text(str(child.pid))
pathlib.Path(sys.argv[1] + '.tmp').rename(sys.argv[1])
time.sleep(60)
"""


def check_executor(executor: ModuleType, options: Mapping[str, Any], folder: Path) -> None:
    """Check an executor by starting small Python jobs on it.

    It needs the place that the executor leads to (a cluster, a queue) with room for a job, on Linux
    machines that see this folder under the same path and kill what they start: the check of
    children looks into /proc of this machine. Checked are: slots; exit codes of success, failure
    and signals; that what a failed job printed is kept; that a stop lets the job save, a kill ends
    it with its children, and both are harmless after its end; that odd paths, arguments and
    variables arrive as they are; that logs are appended to.

    Args:
        executor: the module.
        options: what an experiment would write under the executor's name.
        folder: an empty folder.

    Raises:
        ConformanceError: the executor breaks one of these.
    """
    name = plugins.name_of(executor)
    with closing(opened(executor, options, folder)) as place:
        for check in CHECKS:
            check(place, empty_folder(folder, f"{name}-{check.__name__}"))


def opened(executor: ModuleType, options: Mapping[str, Any], folder: Path) -> Executor:
    """The executor with these options, two workers and no GPU."""
    wanted = Wanted(folder / plugins.name_of(executor), workers=2)
    place: Executor = executor.open_executor(executor.Options.model_validate(options), wanted)
    return place


def has_slots(executor: Executor, folder: Path) -> None:
    """At least one job can run."""
    require(executor.slots >= 1, f"The executor has {executor.slots} slots.")


def success_is_zero(executor: Executor, folder: Path) -> None:
    """A job that ends well has exit code 0 and did its work."""
    _require_end(start(executor, python(_TOUCH, folder, str(folder / "made"))), 0)
    require((folder / "made").exists(), "A job with exit code 0 did not do its work.")


def exit_codes_are_handed_on(executor: Executor, folder: Path) -> None:
    """The exit code is the job's own."""
    _require_end(start(executor, python("raise SystemExit(7)", folder)), 7)


def output_of_a_failure_is_kept(executor: Executor, folder: Path) -> None:
    """The text of an exception is in the job's log, or on stderr."""
    with _stderr() as read_stderr:
        _require_end(start(executor, python("raise RuntimeError('a reason')", folder)), 1)
        printed = read_stderr()
    log = folder / "log.txt"
    kept = (log.read_text() if log.exists() else "") + printed
    require("a reason" in kept, "What a failed job printed is neither in its log nor on stderr.")


def a_killed_job_names_its_signal(executor: Executor, folder: Path) -> None:
    """The exit code of a job that a signal ended is minus that signal."""
    job = python("import os; os.kill(os.getpid(), 9)", folder)
    _require_end(start(executor, job), -signal.SIGKILL)


def stop_lets_the_job_save(executor: Executor, folder: Path) -> None:
    """A stop is a SIGTERM, after which the job leaves by itself."""
    handle = start(executor, python(_SAVES_AND_LEAVES, folder, str(folder / "ready")))
    _wait_for(folder / "ready")
    handle.stop()
    _require_end(handle, STOPPED)


def kill_ends_the_job_and_its_children(executor: Executor, folder: Path) -> None:
    """A job that does not leave is killed, and what it started with it."""
    handle = start(executor, python(_STAYS, folder, str(folder / "child")))
    _wait_for(folder / "child")
    handle.stop()
    handle.kill()
    _require_end(handle, -signal.SIGKILL)
    child = int((folder / "child").read_text())
    require(not _is_alive(child), "A killed job left a child behind.")


def stopping_after_the_end_is_harmless(executor: Executor, folder: Path) -> None:
    """A job that has ended can be stopped and killed without effect."""
    handle = start(executor, python("", folder))
    _require_end(handle, 0)
    handle.stop()
    handle.kill()
    _require_end(handle, 0)


def odd_names_arrive(executor: Executor, folder: Path) -> None:
    """Paths, arguments and variables with quotes and line ends arrive as they are."""
    jobs = []
    for name in ODD:
        (folder / name).mkdir()
        jobs.append(python(_WRITE, folder / name, str(folder / name / "out"), ODD=name))
    for some in (jobs[at : at + executor.slots] for at in range(0, len(jobs), executor.slots)):
        for handle in executor.start(some):
            _require_end(handle, 0)
    for name in ODD:
        text = (folder / name / "out").read_text()
        require(text == name, f"The variable {name!r} arrived as {text!r}.")


def logs_are_appended_to(executor: Executor, folder: Path) -> None:
    """A log that is there already is kept."""
    (folder / "log.txt").write_text("before\n")
    _require_end(start(executor, python("print('after')", folder)), 0)
    text = (folder / "log.txt").read_text()
    require(text.startswith("before\n"), "A log that was there already was overwritten.")


CHECKS: tuple[Callable[[Executor, Path], None], ...] = (
    has_slots,
    success_is_zero,
    exit_codes_are_handed_on,
    output_of_a_failure_is_kept,
    a_killed_job_names_its_signal,
    stop_lets_the_job_save,
    kill_ends_the_job_and_its_children,
    stopping_after_the_end_is_harmless,
    odd_names_arrive,
    logs_are_appended_to,
)


def python(code: str, folder: Path, *arguments: str, **environment: str) -> Job:
    """A job that runs this code, with its log in the folder."""
    argv = [sys.executable, "-c", code, *arguments]
    return Job("check", argv, folder / "log.txt", environment)


def start(executor: Executor, job: Job) -> Handle:
    """The handle of one job that was started."""
    [handle] = executor.start([job])
    return handle


def end_of(handle: Handle) -> int:
    """The exit code of a job, once it has one."""
    deadline = time.monotonic() + PATIENCE
    while (code := handle.poll()) is None:
        require(time.monotonic() < deadline, f"A short job has not ended after {PATIENCE:g} s.")
        time.sleep(_LOOK)
    return code


def _require_end(handle: Handle, wanted: int) -> None:
    code = end_of(handle)
    require(code == wanted, f"A job that ends with {wanted} is reported as {code}.")


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        require(time.monotonic() < deadline, f"A job has not begun after {PATIENCE:g} s.")
        time.sleep(_LOOK)


def _is_alive(pid: int) -> bool:
    """Whether a process of this machine still runs after a while; zombies do not."""
    deadline = time.monotonic() + PATIENCE_FOR_CHILDREN
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(_LOOK)
    return True


@contextmanager
def _stderr() -> Iterator[Callable[[], str]]:
    """Take what processes write to this one's stderr, file descriptor 2; a call reads it."""
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)

        def read() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            yield read
        finally:
            os.dup2(saved, 2)
            os.close(saved)
