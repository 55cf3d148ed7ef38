"""What every executor must do, run over all of them."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mixlaw import plugins
from mixlaw.executors import Executor, Handle, Job, open_executor
from mixlaw.experiment import ExecutorChoice

EXECUTORS = plugins.available("executors")
ODD = ["plain", "with space", "qu'o\"te", "ünï-$HOME;&", "new\nline"]


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    options = request.getfixturevalue(f"{request.param}_options")
    choice = ExecutorChoice(name=request.param, workers=2, **{request.param: options})
    with closing(open_executor(choice, tmp_path)) as made:
        yield made


def python(code: str, folder: Path, *arguments: str, **environment: str) -> Job:
    argv = [sys.executable, "-c", code, *arguments]
    return Job("test", argv, folder / "log.txt", environment)


def start(executor: Executor, job: Job) -> Handle:
    [handle] = executor.start([job])
    return handle


def end_of(handle: Handle) -> int:
    deadline = time.monotonic() + 60
    while (code := handle.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return code


def test_success(executor: Executor, tmp_path: Path):
    handle = start(
        executor, python("import sys; open(sys.argv[1], 'w')", tmp_path, str(tmp_path / "made"))
    )
    assert end_of(handle) == 0
    assert (tmp_path / "made").exists()


def test_an_exit_code_is_handed_on(executor: Executor, tmp_path: Path):
    assert end_of(start(executor, python("raise SystemExit(7)", tmp_path))) == 7


def test_an_exception_fails_and_its_text_is_kept(
    executor: Executor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    assert end_of(start(executor, python("raise RuntimeError('a reason')", tmp_path))) == 1
    assert "a reason" in (tmp_path / "log.txt").read_text() + capfd.readouterr().err


def test_a_killed_process_says_which_signal(executor: Executor, tmp_path: Path):
    handle = start(executor, python("import os; os.kill(os.getpid(), 9)", tmp_path))
    assert end_of(handle) == -signal.SIGKILL


def test_stop_asks(executor: Executor, tmp_path: Path):
    code = (
        "import signal, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "time.sleep(60)"
    )
    handle = start(executor, python(code, tmp_path, str(tmp_path / "ready")))
    wait_for(tmp_path / "ready")
    handle.stop()
    assert end_of(handle) == 75


def test_kill_insists_and_takes_children_along(executor: Executor, tmp_path: Path):
    code = (
        "import signal, subprocess, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path(sys.argv[1] + '.tmp').write_text(str(child.pid))\n"
        "pathlib.Path(sys.argv[1] + '.tmp').rename(sys.argv[1])\n"
        "time.sleep(60)"
    )
    handle = start(executor, python(code, tmp_path, str(tmp_path / "child")))
    wait_for(tmp_path / "child")
    handle.stop()
    handle.kill()
    assert end_of(handle) == -signal.SIGKILL
    assert not is_alive(int((tmp_path / "child").read_text()))


def test_kill_after_the_end_is_harmless(executor: Executor, tmp_path: Path):
    handle = start(executor, python("", tmp_path))
    assert end_of(handle) == 0
    handle.stop()
    handle.kill()
    assert end_of(handle) == 0


def test_odd_paths_arguments_and_variables(executor: Executor, tmp_path: Path):
    code = "import os, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(os.environ['ODD'])"
    jobs = []
    for name in ODD:
        (tmp_path / name).mkdir()
        jobs.append(python(code, tmp_path / name, str(tmp_path / name / "out"), ODD=name))
    for some in (jobs[at : at + executor.slots] for at in range(0, len(jobs), executor.slots)):
        assert [end_of(handle) for handle in executor.start(some)] == [0] * len(some)
    assert [(tmp_path / name / "out").read_text() for name in ODD] == ODD


def test_the_log_is_appended_to(executor: Executor, tmp_path: Path):
    (tmp_path / "log.txt").write_text("before\n")
    assert end_of(start(executor, python("print('after')", tmp_path))) == 0
    assert (tmp_path / "log.txt").read_text().startswith("before\n")


def test_slots(executor: Executor):
    assert executor.slots >= 1


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True
