"""A run's folder: what it is to compute, what it measured, and whether it is done.

::

    spec.json       the specification; its hash is in the folder's name
    metrics.jsonl   one record per (tokens, eval set)
    retry.json      there once it has diverged and is trained again at a lower learning rate: the
                    second attempt has metrics and checkpoints of its own, named retry-*
    done.json       written last, whole or not at all: only with it the run counts as done
    *.safetensors   checkpoints while it runs; of a base that is trained here its final weights
    model.json      of a base that is an existing model: where that is
    progress.json   what a person may want to see while it runs; no part of the result
    failed.json     why its last process failed; gone when the next one begins
    log.txt         what happened to it, a sentence each
    output.txt      all that a process printed whose first run this was

Experiment, base and run know each other by place: ``<experiment>/runs/<run_id>`` starts from
``<experiment>/bases/<base_id>`` and reads ``<experiment>/corpora``.
"""

import json
import logging
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from mixlaw.corpora.tokens import checksum
from mixlaw.errors import RunError
from mixlaw.files import write_atomic
from mixlaw.quantities import format_quantity
from mixlaw.rundir.locks import is_locked
from mixlaw.rundir.model_source import KnownModels, Source, has_weights
from mixlaw.rundir.progress import RunProgress
from mixlaw.rundir.records import Record, add_records, read_records
from mixlaw.rundir.spec import AnySpec, BaseSpec, OptimSpec, RunSpec, parse_spec

log = logging.getLogger(__name__)

#: A line of a run's log, and the time in it.
LOG_FORMAT, LOG_TIME = "%(asctime)s  %(message)s", "%Y-%m-%d %H:%M:%S"
#: That time, as it is read back.
_LOG_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ")


@dataclass(frozen=True)
class RunFolder:
    """Reads and writes the files of one run or base.

    Its methods in this order: files, specification, state, losses, the second attempt after a
    divergence, the base and its model, and the lock.
    """

    path: Path

    @property
    def run_id(self) -> str:
        """Identity of the run; the name of the folder."""
        return self.path.name

    @property
    def experiment(self) -> Path:
        """The experiment's folder."""
        return self.path.parent.parent

    @property
    def log(self) -> Path:
        """File of what happened to it, a sentence each."""
        return self.path / "log.txt"

    @property
    def output(self) -> Path:
        """File of all that the process printed whose first run this was."""
        return self.path / "output.txt"

    @property
    def progress_file(self) -> Path:
        """File that the run's process writes its progress into while it trains."""
        return self.path / "progress.json"

    @property
    def metrics(self) -> Path:
        """File of the records of the attempt that counts."""
        return self._of_attempt("metrics.jsonl")

    def checkpoint(self, leg: str) -> Path:
        """File of the checkpoint of a leg: a base, the trunk, or a branch."""
        return self._of_attempt(f"{leg}.checkpoint.safetensors")

    @property
    def weights(self) -> Path:
        """File of the final weights of a base that is trained here."""
        return self.path / "model.safetensors"

    def plan(self, spec: AnySpec) -> None:
        """Make the folder with its ``spec.json``; what is in it already stays."""
        if not (self.path / "spec.json").exists():
            write_atomic(self.path / "spec.json", spec.model_dump_json(indent=1) + "\n")

    def spec(self) -> AnySpec:
        """The specification.

        Raises:
            RunError: it is missing or damaged, or belongs to another folder.
        """
        try:
            spec = parse_spec((self.path / "spec.json").read_text())
        except (OSError, ValidationError) as error:
            raise RunError(
                f"'{self.path}' has no usable spec.json ({type(error).__name__}); "
                "delete the folder and sweep again."
            ) from error
        if spec.run_id != self.run_id:
            raise RunError(
                f"'{self.path}' is a copy of '{spec.run_id}'; a run's folder has its name: delete "
                "the copy."
            )
        return spec

    @property
    def origin(self) -> str | None:
        """The ``run_id`` of its specification: in a copied folder not the folder's own name."""
        try:
            return str(parse_spec((self.path / "spec.json").read_text()).run_id)
        except (OSError, ValidationError):
            return None

    @property
    def is_done(self) -> bool:
        """Whether the run has ended, well or diverged."""
        return (self.path / "done.json").is_file()

    def done(self) -> dict[str, Any]:
        """What ``done.json`` says."""
        document: dict[str, Any] = json.loads((self.path / "done.json").read_text())
        return document

    def finish(self, **facts: Any) -> None:
        """Write ``done.json``, then remove the checkpoints."""
        write_atomic(self.path / "done.json", json.dumps(facts, sort_keys=True) + "\n")
        self._tidy()

    def reopen(self) -> None:
        """Remove its result, so that it is trained again."""
        for path in (self.path / "done.json", self.metrics, self.weights):
            path.unlink(missing_ok=True)

    def begin(self) -> None:
        """Remove what an earlier process left of its end and its progress, and log the start."""
        for path in (self._failed, self.progress_file):
            path.unlink(missing_ok=True)
        n_records, step = self.saved()
        place = f"process {os.getpid()} on {platform.node()}"
        if n_records or step:
            log.info("%s goes on from step %d with %d losses measured", place, step, n_records)
        else:
            log.info("%s begins", place)

    def saved(self) -> tuple[int, int]:
        """How far it is on disk: number of records, then steps of its checkpoints; only grows."""
        return len(self.records()), sum(
            _saved_step(path) for path in self.path.glob("*.checkpoint.safetensors")
        )

    @property
    def progress(self) -> RunProgress | None:
        """How far it is; None before it has trained for half a second."""
        return RunProgress.read(self.progress_file)

    def fail(self, reason: str) -> None:
        """Write down why its process failed; nothing is written where the disk is full."""
        with suppress(OSError):
            write_atomic(self._failed, json.dumps({"reason": reason}) + "\n")

    @property
    def failure(self) -> str | None:
        """Why its last process failed; None if it did not, or has been started again."""
        try:
            return str(json.loads(self._failed.read_text())["reason"])
        except (OSError, ValueError, KeyError):  # not there, or cut off by the fault it is about
            return None

    def last_line(self) -> str:
        """The last line of the run's log, or of what its process printed, without its time."""
        for path in (self.log, self.output):
            text = path.read_text(errors="replace") if path.exists() else ""
            if lines := [line for line in text.split("\n") if line.strip()]:
                return _LOG_TIME.sub("", lines[-1]).strip()
        return "nothing was printed"

    def memory_advice(self) -> str:
        """What to change in experiment.yaml where its memory runs out."""
        spec = self.spec()
        size = format_quantity(spec.shape.n_params)
        data = getattr(spec, "data", None)
        batch = f" below {data.batch_size}" if data else ""
        return (
            f"Set training.micro_batch{batch} (sequences at once), lower executor.workers, or "
            f"leave the size {size} out"
        )

    def tidy(self) -> None:
        """Remove what a killed process left half written, unless one still works here."""
        if self.path.is_dir() and not self.is_held:
            with self.lock():
                self._tidy()

    def records(self) -> list[Record]:
        """Records of the attempt that counts.

        Raises:
            RunError: their file is damaged.
        """
        return read_records(self.metrics)

    def append(self, records: list[Record]) -> None:
        """Add the records of one evaluation; those that are there already stay as they are."""
        add_records(self.metrics, records)
        losses = ", ".join(f"{record.eval_set} {record.loss or nan:.3f}" for record in records)
        log.info("%s at %s tokens: %s", records[0].run_id, f"{records[0].tokens:,}", losses)

    @property
    def lr_ratio(self) -> float:
        """Multiple of the planned learning rate: 1 unless this is a second attempt."""
        return float(json.loads(self._retry.read_text())["lr_ratio"]) if self._retry.exists() else 1

    def optim(self, spec: RunSpec | BaseSpec) -> OptimSpec:
        """The optimiser as planned, or at the lower learning rate of a second attempt."""
        return spec.optim.scaled(self.lr_ratio)

    def may_retry(self, spec: RunSpec | BaseSpec) -> bool:
        """Whether the specification wants a second attempt and there was none."""
        return spec.optim.retry is not None and not self._retry.exists()

    def retry(self, spec: RunSpec | BaseSpec, step: int) -> bool:
        """After a divergence at ``step``, begin a second attempt if the specification wants one.

        Returns:
            Whether there is one; the first attempt's records stay in their own file.
        """
        if not self.may_retry(spec):
            return False
        facts = {"lr_ratio": spec.optim.retry, "diverged_at_step": step}
        write_atomic(self._retry, json.dumps(facts) + "\n")
        log.warning(
            "%s diverged at step %d; it is trained once more at %g times its learning rate.",
            self.run_id,
            step,
            spec.optim.retry,
        )
        return True

    def base(self, spec: RunSpec) -> "RunFolder":
        """Folder of the base that this run starts from."""
        return RunFolder(self.experiment / "bases" / spec.base.run_id)

    @property
    def source(self) -> Source:
        """Where the existing model is that this base stands for.

        Raises:
            RunError: the folder has no ``model.json``.
        """
        if (source := Source.load(self.path)) is None:
            raise RunError(f"'{self.path}' does not say where its model is; sweep again.")
        return source

    @property
    def known_models(self) -> KnownModels:
        """Existing models of the experiment that were counted already."""
        return KnownModels.of(self.experiment)

    @property
    def has_sound_weights(self) -> bool:
        """Whether a finished base's weights are those that it was finished with."""
        expected = self.done().get("weights")
        if (source := Source.load(self.path)) is not None:
            return has_weights(source.folder) and self.known_models.fingerprint(source) == expected
        return self.weights.is_file() and checksum(self.weights) == expected

    @property
    def is_held(self) -> bool:
        """Whether a process trains it now, on whichever machine."""
        return is_locked(self._lock)

    @contextmanager
    def lock(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the folder: a second process waits, so nothing is trained twice at once.

        Args:
            waiting: called about once a second while another process holds it; may raise.
        """
        lock = FileLock(self._lock)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=1)
            except Timeout:
                waiting()
        try:
            yield
        finally:
            lock.release()

    def _of_attempt(self, name: str) -> Path:
        return self.path / (f"retry-{name}" if self._retry.exists() else name)

    @property
    def _retry(self) -> Path:
        return self.path / "retry.json"

    @property
    def _failed(self) -> Path:
        return self.path / "failed.json"

    @property
    def _lock(self) -> Path:
        return self.path / ".lock"

    def _tidy(self) -> None:
        leftovers = [*self.path.glob(".*.tmp")]
        if self.is_done:
            leftovers += [*self.path.glob("*.checkpoint.safetensors"), self.progress_file]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)


def _saved_step(checkpoint: Path) -> int:
    """The step in a checkpoint's header; 0 if it cannot be read, or has just been deleted."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(checkpoint, framework="np") as file:
            return int((file.metadata() or {}).get("step", 0))
    except (OSError, SafetensorError):
        return 0
