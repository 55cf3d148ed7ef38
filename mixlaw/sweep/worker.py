"""One job: ``python -m mixlaw.sweep.worker FOLDER...`` trains the runs (or bases) of these folders.

Everything it needs is in the folders and beside them, so that any executor, or a person, can start
it. Exit code: 0 all done, 75 told to stop and can be continued, 1 a run failed (the log says why).
"""

import logging
import signal
import sys
from pathlib import Path

from mixlaw import plugins
from mixlaw.corpora.prepare import Corpora, load_corpora
from mixlaw.train.folder import RunFolder
from mixlaw.train.spec import BaseSpec
from mixlaw.train.watch import StoppedError, Watch

log = logging.getLogger("mixlaw")


def work(paths: list[Path], watch: Watch) -> int:
    """Train what is not done; one that fails does not keep the others from running.

    Returns:
        The exit code.
    """
    from mixlaw.train.state import one_thread

    one_thread()
    folders = [RunFolder(path.resolve()) for path in paths]
    corpora = load_corpora(folders[0].experiment / "corpora")
    failed = 0
    for folder in folders:
        try:
            _train(folder, corpora, watch)
        except StoppedError as stopped:
            log.info("%s", stopped)
            return stopped.exit_code
        except Exception:
            log.exception("%s failed", folder.run_id)
            failed = 1
    return failed


def _train(folder: RunFolder, corpora: Corpora, watch: Watch) -> None:
    from mixlaw.train.base import train_base

    spec = folder.spec()
    with folder.lock():
        if folder.is_done:
            return
        if isinstance(spec, BaseSpec):
            train_base(folder, spec, corpora, watch)
        else:
            plugins.load("recipes", spec.recipe).train_runs([(folder, spec)], corpora, watch)


def main(arguments: list[str]) -> int:
    """Entry point of the process."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    watch = Watch([signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
    return work([Path(argument) for argument in arguments], watch)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
