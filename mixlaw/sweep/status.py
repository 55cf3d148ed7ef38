"""What happened to the runs of an experiment, while a sweep goes on and after."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixlaw.errors import ConfigError, MixlawError, unknown_name
from mixlaw.experiment import load_experiment
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.locks import is_locked, sweep_lock
from mixlaw.rundir.spec import RunSpec
from mixlaw.sweep.data import expected_identity
from mixlaw.sweep.edits import edit_since, swept_runs
from mixlaw.sweep.models import resolve_models
from mixlaw.sweep.plan import plan_runs

#: In the order of a summary.
STATES = (
    "done", "diverged", "running", "starting", "failed", "stopped", "waiting", "outdated", "copy",
)  # fmt: skip


@dataclass(frozen=True)
class RunStatus:
    """State of one base or run.

    Attributes:
        run_id: its name.
        state: ``done``; ``diverged``; ``running``; ``starting`` (its process has not trained yet);
            ``failed``; ``stopped`` (it can go on); ``waiting``; ``outdated`` (the last sweep did
            not ask for it); or ``copy`` (a folder that was copied from another run's).
        detail: its last losses, how far it is, or why it ended.
    """

    run_id: str
    state: str
    detail: str


@dataclass(frozen=True)
class SweepStatus:
    """State of a sweep.

    Attributes:
        experiment: its folder.
        is_sweeping: whether a driver is at work.
        runs: state of every base and run that has a folder, bases first.
        notes: sentences on edits since the last sweep.
    """

    experiment: Path
    is_sweeping: bool
    runs: tuple[RunStatus, ...]
    notes: tuple[str, ...]

    @property
    def is_at_work(self) -> bool:
        """Whether a driver or a worker is; a worker elsewhere may outlive its driver."""
        return self.is_sweeping or not {"running", "starting"}.isdisjoint(self.counts)

    @property
    def counts(self) -> dict[str, int]:
        """How many bases and runs are in each state that occurs."""
        counts = Counter(run.state for run in self.runs)
        return {state: counts[state] for state in STATES if counts[state]}

    def summary(self) -> str:
        """All of it in one line."""
        counts = ", ".join(f"{n} {state}" for state, n in self.counts.items())
        if not counts:
            return "nothing has been trained yet"
        rest = sum(n for state, n in self.counts.items() if state in {"stopped", "waiting"})
        sweep = "a sweep is at work" if self.is_sweeping else "no sweep is at work"
        go_on = (
            f"; 'mixlaw sweep {self.experiment}' goes on" if rest and not self.is_sweeping else ""
        )
        return f"{counts}; {sweep}{go_on}"

    def document(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "schema": "mixlaw.status/1",
            "experiment": str(self.experiment),
            "sweeping": self.is_sweeping,
            "counts": self.counts,
            "runs": [asdict(run) for run in self.runs],
            "notes": list(self.notes),
        }


def sweep_status(experiment: Path) -> SweepStatus:
    """State of a sweep and of all its bases and runs."""
    planned = swept_runs(experiment)
    return SweepStatus(
        experiment,
        is_locked(sweep_lock(experiment)),
        tuple(_status(folder, planned) for folder in _folders(experiment)),
        tuple(_notes(experiment)),
    )


def read_log(experiment: Path, run_id: str) -> str:
    """What happened to one run, what its process printed besides, and how it is now.

    Args:
        experiment: folder of the experiment.
        run_id: of a base or run; the beginning of a name is enough where only one has it.

    Raises:
        ConfigError: no run, or more than one, has this name.
    """
    folders = {folder.run_id: folder for folder in _folders(experiment)}
    matching = [name for name in folders if name == run_id] or [
        name for name in folders if name.startswith(run_id)
    ]
    if len(matching) != 1:
        raise ConfigError(unknown_name("run", run_id, matching or folders))
    folder = folders[matching[0]]
    happened, printed = (_text(path) for path in (folder.log, folder.output))
    besides = [line for line in printed.splitlines() if line.strip() and line not in happened]
    if besides:
        happened += "\n".join(["\nIts process printed besides:", *besides]) + "\n"
    now = _status(folder, swept_runs(experiment))
    return f"{happened}\nnow: {now.state}  {now.detail}".strip()


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _folders(experiment: Path) -> Iterator[RunFolder]:
    for room in ("bases", "runs"):
        for spec in sorted((experiment / room).glob("*/spec.json")):
            yield RunFolder(spec.parent)


def _status(folder: RunFolder, planned: Sequence[str] | None) -> RunStatus:
    if folder.origin not in (None, folder.run_id):
        return RunStatus(folder.run_id, "copy", f"of {folder.origin}; it is not used")
    state, detail = _state(folder)
    name = folder.path.relative_to(folder.experiment).as_posix()
    if planned is not None and name not in planned and state not in {"running", "starting"}:
        return RunStatus(folder.run_id, "outdated", "experiment.yaml does not ask for it any more")
    return RunStatus(folder.run_id, state, detail)


def _state(folder: RunFolder) -> tuple[str, str]:
    if folder.is_done:
        return folder.done()["status"], _last_losses(folder)
    if folder.is_held:
        progress = folder.progress
        return ("running", str(progress)) if progress else ("starting", "")
    if (base := _failed_base(folder)) is not None:
        return "waiting", f"for its base {base}, which failed"
    if (reason := folder.failure) is not None:
        return "failed", reason
    if folder.log.exists() or folder.metrics.exists():
        return "stopped", folder.last_line()
    return "waiting", ""


def _failed_base(folder: RunFolder) -> str | None:
    """The base that keeps a run from starting because it failed."""
    if folder.path.parent.name != "runs":
        return None
    spec = folder.spec()
    base = folder.base(spec) if isinstance(spec, RunSpec) else folder
    return base.run_id if not base.is_done and base.failure is not None else None


def _last_losses(folder: RunFolder) -> str:
    """The last loss on every held-out set, and where one was no number any more."""
    records = folder.records()
    last = {record.eval_set: record.loss for record in records if record.loss is not None}
    losses = "  ".join(f"{name} {loss:.3f}" for name, loss in sorted(last.items()))
    lost = next((record for record in records if record.loss is None), None)
    return losses if lost is None else f"no number at {lost.tokens:,} tokens  {losses}".rstrip()


def _notes(experiment: Path) -> Iterator[str]:
    """What an edit since the last sweep would do; or why that is not known."""
    try:
        content, models = resolve_models(experiment, load_experiment(experiment), weights=False)
        data = expected_identity(experiment, content)
        edit = edit_since(experiment, content, plan_runs(content, data, models.shapes), data)
    except MixlawError as error:
        yield str(error)
        return
    yield from edit.sentences() if edit else ()
