"""One job: ``python -m mixlaw.sweep.worker FOLDER...`` trains the runs (or bases) of these folders.

``--together=K`` before them has K runs take their steps in one batched model; they have one shape.

Everything it needs is in the folders and beside them, so that any executor, or a person, can start
it. Exit code: 0 all done, 75 stopped and can be continued, 74 its files cannot be written, 1 a run
failed (the log says why).

torch takes seconds to import, so it is imported where it is needed: a person sees at once that a
run has begun.
"""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from mixlaw import plugins
from mixlaw.corpora.prepare import Corpora, load_corpora
from mixlaw.errors import MixlawError
from mixlaw.rundir.faults import CannotWriteError, plain_faults
from mixlaw.rundir.folder import LOG_FORMAT, LOG_TIME, RunFolder
from mixlaw.rundir.locks import stop_file
from mixlaw.rundir.spec import BaseSpec, ExistingSpec
from mixlaw.train.interrupts import StoppedError, Watch
from mixlaw.train.ranks import leave, n_ranks, rank
from mixlaw.train.steps import ComputeGradients, Loop, take_steps

log = logging.getLogger("mixlaw")

#: The run whose loop goes on now, for its log; every loop has a context of its own.
_turn: ContextVar[RunFolder] = ContextVar("turn")


def work(
    paths: list[Path],
    watch: Watch,
    at_once: int = 1,
    open_folder: Callable[[Path], RunFolder] = RunFolder,
) -> int:
    """Train what is not done; one that fails does not keep the others from running.

    Args:
        paths: folders of bases, and of runs of one shape.
        watch: when to stop.
        at_once: runs that take their steps together.
        open_folder: what reads and writes a folder; another class where several ranks share it.

    Returns:
        The exit code.
    """
    folders = [open_folder(path) for path in paths]
    corpora = load_corpora(folders[0].experiment / "corpora")
    exit_code = 0
    for group in _groups(folders, at_once):
        own_watch = watch.with_own_clock if len(group) > 1 else lambda: watch
        loops = [_train(folder, corpora, own_watch()) for folder in group]
        for error in filter(None, take_steps(loops, _gradients)):
            if isinstance(error, (StoppedError, CannotWriteError)):
                return error.exit_code
            exit_code = 1
    return exit_code


def _groups(folders: list[RunFolder], at_once: int) -> Iterator[list[RunFolder]]:
    """Bases one by one, then runs in groups of ``at_once``."""
    runs = [folder for folder in folders if folder.path.parent.name == "runs"]
    yield from ([folder] for folder in folders if folder not in runs)
    yield from (runs[i : i + at_once] for i in range(0, len(runs), at_once))


def _gradients() -> ComputeGradients:
    from mixlaw.train.gradients import Gradients  # torch

    return Gradients()


def _train(folder: RunFolder, corpora: Corpora, watch: Watch) -> Loop:
    with (
        _logged_to(folder),
        plain_faults(folder.path, folder.memory_advice),
        folder.lock(watch.stop_if_requested),
    ):
        if folder.is_done:
            return
        folder.begin()
        spec = folder.spec()
        from mixlaw.train.pretrain import measure_base, train_base  # torch
        from mixlaw.train.state import set_up_torch

        set_up_torch()
        if isinstance(spec, BaseSpec):
            yield from train_base(folder, spec, corpora, watch)
        elif isinstance(spec, ExistingSpec):
            measure_base(folder, spec, corpora)
        else:
            yield from plugins.load("recipes", spec.recipe).train_run(folder, spec, corpora, watch)
        log.info("%s is %s", folder.run_id, folder.done()["status"])


class _RunLog(logging.FileHandler):
    """A log file that drops lines on a full disk; the driver has the exit code."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: the same lines are on standard error."""


@contextmanager
def _logged_to(folder: RunFolder) -> Iterator[None]:
    """Write what happens to a run into its own log too, the reason of its end included."""
    if rank() > 0:
        yield
        return
    handler = _RunLog(folder.log, delay=True)
    handler.setFormatter(logging.Formatter(LOG_FORMAT, LOG_TIME))
    _turn.set(folder)
    handler.addFilter(lambda record: _turn.get() == folder)
    logging.getLogger().addHandler(handler)
    try:
        yield
    except StoppedError as stopped:
        log.warning("%s", stopped)
        raise
    except MixlawError as error:
        log.error("%s", error)
        folder.fail(str(error))
        raise
    except Exception as error:
        log.exception("This is a mistake in mixlaw or in its surroundings:")
        folder.fail(f"{type(error).__name__}: {error}")
        raise
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def main(arguments: list[str]) -> int:
    """Entry point of the process."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    option, _, count = arguments[0].partition("=")
    paths = arguments[1:] if option == "--together" else arguments
    folders = [Path(path).resolve() for path in paths]
    # USR1 and USR2 are what schedulers send before they take a machine away.
    signals = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2]
    watch = Watch(signals, stop_file(RunFolder(folders[0]).experiment))
    at_once = int(count or 1)
    if n_ranks() == 1:
        return work(folders, watch, at_once)
    from mixlaw.train.distributed import SharedFolder, process_group  # torch

    with process_group():
        return work(folders, watch, at_once, SharedFolder)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
