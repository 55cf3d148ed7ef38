"""What runs write, passed on to a tracker while the sweep goes on.

A thread of the driver reads the records and the progress of all run folders. ``sent.json`` in the
tracker's folder says how many records of each the tracker has, so a later sweep sends the rest and
nothing twice, runs of earlier sweeps that were not tracked included. A tracker that fails is left
alone, with one sentence; the runs do not notice.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

from mixlaw import plugins
from mixlaw.files import write_atomic
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.progress import RunProgress
from mixlaw.rundir.records import Record
from mixlaw.rundir.spec import ExistingSpec
from mixlaw.sweep.progress import Say
from mixlaw.trackers import Fact, TrackedRun, Tracker, folder_of

#: Seconds between two readings of all run folders.
LOOK_SECONDS = 1.0
#: How long a finished sweep waits for the rest to be sent; a later sweep sends what is missing.
PATIENCE_SECONDS = 60.0

Following = Callable[[Sequence[RunFolder], Say], AbstractContextManager[None]]


def open_tracking(name: str | None, experiment: Path) -> Following:
    """What keeps a tracker up to date with run folders while its block lasts, and then once more.

    Args:
        name: of the tracker; None to track nothing.
        experiment: the folder of the experiment.

    Raises:
        ConfigError: there is no such tracker, or its package is not installed.
    """
    if name is None:
        return lambda folders, say: nullcontext()
    experiment = experiment.resolve()
    tracker = plugins.load("trackers", name).open_tracker(experiment)
    sent_file = folder_of(experiment, name) / "sent.json"
    return lambda folders, say: _followed(name, _Courier(tracker, sent_file, folders), say)


@contextmanager
def _followed(name: str, courier: "_Courier", say: Say) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=_follow, args=(name, courier, stop, say), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        if thread.is_alive():
            say(f"The tracker {name} is slow; what it does not have yet, the next sweep sends.")


def _follow(name: str, courier: "_Courier", stop: threading.Event, say: Say) -> None:
    try:
        while not stop.wait(LOOK_SECONDS):
            courier.send()
        courier.send()
        courier.close()
    except Exception as error:  # whatever a tracker raises, training goes on
        reason = " ".join(str(error).split())[:300]
        say(
            f"Tracking with {name} has ended ({type(error).__name__}: {reason}); training goes on, "
            "and the next sweep sends what is missing."
        )


class _Courier:
    """Carries records from run folders to a tracker, each once."""

    def __init__(self, tracker: Tracker, sent_file: Path, folders: Sequence[RunFolder]) -> None:
        self._tracker, self._sent_file, self._left = tracker, sent_file, list(folders)
        self._open: dict[RunFolder, TrackedRun] = {}
        self._reported: dict[RunFolder, RunProgress] = {}

    def send(self) -> None:
        """Send what is new; close the runs that are done."""
        for folder in list(self._left):
            is_done = folder.is_done  # before its records are read: none comes after
            self._send_records(folder)
            if not is_done:
                self._send_progress(folder)
                continue
            self._left.remove(folder)
            if run := self._open.pop(folder, None):
                run.close()

    def close(self) -> None:
        """Close the runs that a later sweep will go on with."""
        for run in self._open.values():
            run.close()

    def _send_records(self, folder: RunFolder) -> None:
        records = folder.records()
        # The second attempt after a divergence has records of its own, in a file of its own.
        key = str(folder.metrics.relative_to(folder.experiment))
        done = self._sent.get(key, 0)
        for record in records[done:]:
            if values := _values(record):
                self._run(folder).log(record.tokens, values)
        if len(records) != done:
            self._sent[key] = len(records)
            write_atomic(self._sent_file, json.dumps(self._sent, indent=1) + "\n")

    def _send_progress(self, folder: RunFolder) -> None:
        progress = folder.progress
        if progress and progress != self._reported.get(folder):
            self._reported[folder] = progress
            values = {"train/loss": progress.loss, "train/tokens_per_s": progress.rate}
            self._run(folder).log(progress.tokens, values)

    @cached_property
    def _sent(self) -> dict[str, int]:
        """Records that the tracker has, by their file."""
        known: dict[str, int] = (
            json.loads(self._sent_file.read_text()) if self._sent_file.exists() else {}
        )
        return known

    def _run(self, folder: RunFolder) -> TrackedRun:
        if folder not in self._open:
            self._open[folder] = self._tracker.open_run(folder.run_id, _facts(folder))
        return self._open[folder]


def _values(record: Record) -> dict[str, float]:
    """What a tracker gets of a record: nothing of one without a loss."""
    is_branch = record.annealed and record.tokens > 0
    where = f"{'annealed' if is_branch else 'eval'}/{record.eval_set}"
    measured = {f"{where}_loss": record.loss, f"{where}_bpb": record.bpb}
    return {name: value for name, value in measured.items() if value is not None}


def _facts(folder: RunFolder) -> dict[str, Fact]:
    spec = folder.spec()
    facts = {"n_params": spec.shape.n_params}
    if isinstance(spec, ExistingSpec):
        return {**facts, "model": folder.source.name}
    return {
        **facts,
        "seed": spec.seed,
        "lr_peak": folder.optim(spec).lr_peak,
        "batch_tokens": spec.data.step_tokens,
        **{f"share.{name}": share for name, share in spec.shares.items()},
    }
