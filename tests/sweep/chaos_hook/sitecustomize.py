"""Loaded at the start of every Python process of a chaos run (it is first on PYTHONPATH).

It counts training steps in a file that outlives every process, and kills the one process that was
chosen right before its k-th file operation in the experiment's folder; or only leaves a note then.
"""

import os
import re
import signal
import sys
from pathlib import Path

FOLDER = os.environ["CHAOS_FOLDER"]
LEDGER = Path(os.environ["CHAOS_LEDGER"])
IS_WORKER = "mixlaw.sweep.worker" in sys.orig_argv
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate")


def is_chosen(role: str) -> bool:
    """Whether this process is to die: one process of that role takes it."""
    if role != ("worker" if IS_WORKER else "driver"):
        return False
    try:
        (LEDGER / "kill").rename(LEDGER / "taken")
    except FileNotFoundError:
        return False
    return True


def watch_files(last: int, part: str, how: str) -> None:
    """Act before the operation with this number, among those on paths with ``part`` in them.

    Files of text are counted when they are opened for reading, all others when they change.
    """
    done = 0

    def count(operation: str, path: object) -> None:
        nonlocal done
        if not str(path).startswith(FOLDER) or part not in str(path):
            return
        done += 1
        if done == last:
            name = re.sub(r"^\.(.+)\.\w{8}\.tmp$", r"the temporary \1", Path(str(path)).name)
            note = os.open(LEDGER / "note", os.O_CREAT | os.O_WRONLY)
            os.write(note, f"{operation} of {name}".encode())
            if how == "die":
                os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        is_change = event in CHANGES or (event == "open" and int(str(arguments[2])) & WRITES)
        if is_change or (event == "open" and part == "text/"):
            count(event.removeprefix("os."), arguments[0])

    fsync = os.fsync

    def counted_fsync(file: int) -> None:
        count("fsync", os.readlink(f"/proc/self/fd/{file}"))
        fsync(file)

    sys.addaudithook(audit)
    os.fsync = counted_fsync


def count_steps() -> None:
    """One byte a training step."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    steps = os.open(LEDGER / "steps", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    register_optimizer_step_post_hook(lambda *_: os.write(steps, b".") and None)


role, number, part, how = os.environ["CHAOS_KILL"].split(":")
if is_chosen(role):
    watch_files(int(number), part, how)
if IS_WORKER:
    count_steps()
