"""One call for a whole sweep."""

import shutil
import signal
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixlaw.corpora.prepare import Corpora, prepare_corpora
from mixlaw.errors import RunError
from mixlaw.executors import Executor, open_executor
from mixlaw.experiment import Experiment, load_experiment
from mixlaw.rundir.faults import CannotWriteError, plain_faults
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.locks import only_sweep, stop_file
from mixlaw.rundir.spec import ExistingSpec
from mixlaw.rundir.streams import check_lengths
from mixlaw.sweep.collect import collect_runs
from mixlaw.sweep.cost import cost_of, run_speed
from mixlaw.sweep.data import advice, expected_identity, refuse_shortages
from mixlaw.sweep.driver import RETRIES, Outcome, execute
from mixlaw.sweep.edits import edit_since, messages, remember
from mixlaw.sweep.jobs import missing_tasks, run_folder
from mixlaw.sweep.models import Models, resolve_models
from mixlaw.sweep.plan import DataIdentity, Plan, plan_runs, train_tokens
from mixlaw.sweep.progress import Lines, Live, Say
from mixlaw.sweep.tracking import Following, open_tracking


@dataclass(frozen=True)
class SweepResult:
    """What a sweep did.

    Attributes:
        table: path of the runs table.
        n_bases: bases of the plan.
        n_runs: runs of the plan.
        n_trained: bases and runs that this call trained.
        diverged: names of runs that diverged; their rows are flagged.
    """

    table: Path
    n_bases: int
    n_runs: int
    n_trained: int
    diverged: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "schema": "mixlaw.sweep/1",
            "table": str(self.table),
            "bases": self.n_bases,
            "runs": self.n_runs,
            "trained": self.n_trained,
            "diverged": list(self.diverged),
        }


def run_sweep(
    folder: Path | str,
    *,
    executor: str | None = None,
    track: str | None = None,
    hold_back: bool = False,
    say: Say = lambda message: None,
    live: bool = False,
) -> SweepResult:
    """Train every planned run that is not done, and collect all into ``runs.csv``.

    Args:
        folder: of the experiment; holds ``experiment.yaml``.
        executor: an executor plugin instead of the one that the experiment names.
        track: a tracker plugin instead of the one that the experiment names, if it names one.
        hold_back: leave the runs of the largest size, but not its base, for another sweep: what is
            fitted before can be held against them.
        say: called with sentences for a person.
        live: whether stderr is a terminal on which the runs in progress are to be shown.

    Raises:
        ConfigError: experiment.yaml is wrong.
        DataError: a corpus cannot be used or is too small.
        RunError: another process sweeps it, it was interrupted, or runs failed; the rest is kept.
    """
    folder = Path(folder)
    experiment = load_experiment(folder)
    opened = open_executor(experiment.executor, folder, executor)
    following = open_tracking(track or experiment.track, folder)
    with closing(opened), plain_faults(folder), only_sweep(folder):
        experiment, models = resolve_models(folder, experiment)
        expected = expected_identity(folder, experiment)
        refuse_shortages(experiment, plan_runs(experiment, expected, models.shapes))
        corpora = prepare(folder, experiment, say)
        data = DataIdentity.of(corpora)
        plan = plan_runs(experiment, data, models.shapes)
        edit = edit_since(folder, experiment, plan, data)
        for sentence in (*advice(experiment, corpora), *messages(folder, plan, edit)):
            say(sentence)
        for run in plan.runs:
            check_lengths(run, corpora)
        remember(folder, experiment, plan, data)
        plan = plan.without_largest() if hold_back else plan
        folders = _planned_folders(folder, plan, models)
        _reopen_damaged(folder, plan, say)
        n_before = sum(planned.is_done for planned in folders)
        outcome = _execute(folder, experiment, plan, opened, following, None if live else say)
        for planned in folders:
            planned.tidy()
        table = collect_runs(folder, plan, corpora) if any(r.is_done for r in folders) else None
    _check_outcome(outcome)
    assert table is not None
    return SweepResult(
        table=table,
        n_bases=len(plan.bases),
        n_runs=len(plan.runs),
        n_trained=len(folders) - n_before,
        diverged=tuple(r.run_id for r in folders if r.done()["status"] == "diverged"),
    )


def prepare(folder: Path, experiment: Experiment, say: Say) -> Corpora:
    """The experiment's corpora, encoded as far as its longest run needs them."""
    return prepare_corpora(
        experiment.corpora,
        cache=folder / "corpora",
        seq_len=experiment.training.seq_len,
        train_tokens=train_tokens(experiment),
        held_out_tokens=experiment.held_out_tokens(),
        tokenizer=experiment.tokenizer,
        progress=say,
    )


def _planned_folders(folder: Path, plan: Plan, models: Models) -> list[RunFolder]:
    """A folder for every base and run of the plan, with its specification in it."""
    folders = [run_folder(folder, spec) for spec in plan.specs]
    for spec, planned in zip(plan.specs, folders, strict=True):
        planned.tidy()
        planned.plan(spec)
        if isinstance(spec, ExistingSpec):
            models.source(spec).save(planned.path)
        if planned.is_done:
            planned.spec()  # refuses a folder that was copied to this name
    return folders


def _execute(
    folder: Path,
    experiment: Experiment,
    plan: Plan,
    executor: Executor,
    following: Following,
    say: Say | None,
) -> Outcome:
    speed, slots = run_speed(experiment), executor.slots
    tasks = missing_tasks(folder, plan, experiment, speed, slots)
    seconds = {
        run_folder(folder, spec): cost_of(spec, experiment).all_flops / speed for spec in plan.specs
    }
    display = Lines(seconds, slots, say) if say else Live(seconds, slots)
    with display.showing(), following([*seconds], display.say):
        return execute(tasks, executor, display, stop_file(folder))


def _reopen_damaged(folder: Path, plan: Plan, say: Say) -> None:
    """Have bases trained again whose weights are damaged, where a run has still to start there."""
    wanted = {run.base.run_id for run in plan.runs if not run_folder(folder, run).is_done}
    for base in (run_folder(folder, spec) for spec in plan.bases if spec.run_id in wanted):
        if base.is_done and not base.has_sound_weights:
            say(f"The weights of {base.run_id} are damaged; it is trained again.")
            base.reopen()


def _check_outcome(outcome: Outcome) -> None:
    if outcome.interrupted:
        raise RunError("The sweep was stopped; sweep again and it goes on where it was.")
    if outcome.failed:
        for task, code in outcome.failed:
            if task.left[0].failure is None:  # what kills a process also keeps it from saying so
                task.left[0].fail(_reason(task.left[0], code))
        first, code = outcome.failed[0][0].left[0], outcome.failed[0][1]
        raise RunError(
            f"{len(outcome.failed)} job(s) failed, the first with exit code {code}: "
            f"{_reason(first, code)} (more in '{first.path}'). What is done is kept: mend that and "
            "sweep again."
        )


def _reason(folder: RunFolder, code: int) -> str:
    if code == CannotWriteError.exit_code:
        free = shutil.disk_usage(folder.path).free
        return f"its files cannot be written; {free / 1e6:.1f} MB are free there"
    if code == -signal.SIGKILL:
        return (
            f"{folder.run_id} was killed {RETRIES + 1} times, as systems do when memory runs out. "
            f"{folder.memory_advice()}"
        )
    return folder.failure or folder.last_line()
