"""Continual pre-training: a re-warmed trunk from a base, and a decay branch per token budget.

Re-warming to the base's peak and decaying again is the default of Gupta et al. (2023, arXiv
2308.04014) and Ibrahim et al. (2024, arXiv 2403.08763). One constant-rate trunk with short decay
branches gives an annealed end point at every budget for about 1.2 times the tokens of the longest
(the warmup-stable-decay shape), where a cosine would need a run of its own for each.
"""

import logging
from dataclasses import replace

from mixlaw.corpora.prepare import Corpora
from mixlaw.errors import RunError
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import RunSpec
from mixlaw.rundir.streams import run_stream
from mixlaw.train.checkpoint import State, load_checkpoint, save_checkpoint
from mixlaw.train.evaluate import Recorder
from mixlaw.train.interrupts import Watch
from mixlaw.train.loop import DivergedError, Leg, train
from mixlaw.train.state import new_state, resume
from mixlaw.train.steps import Loop

log = logging.getLogger(__name__)


class BeginAgainError(RunError):
    """What was trained of a run cannot be continued."""


def train_run(folder: RunFolder, spec: RunSpec, corpora: Corpora, watch: Watch) -> Loop:
    """Train a run, or continue it.

    Raises:
        StoppedError: the process has to stop.
    """
    while not folder.is_done:
        yield from _train_run(folder, spec, corpora, watch)


def _train_run(folder: RunFolder, spec: RunSpec, corpora: Corpora, watch: Watch) -> Loop:
    """Train a run to its end, unless it has to begin anew."""
    base = folder.base(spec)
    if not base.is_done:
        raise RunError(f"The base {base.run_id} is not trained yet; train '{base.path}' first.")
    if not base.has_sound_weights:
        raise RunError(f"The weights of {base.run_id} are damaged; sweep again to rebuild them.")
    state = new_state(spec, base)
    stream = run_stream(spec, corpora)
    recorder = Recorder.of(folder, spec, corpora, state.model)
    trunk = Leg.of(
        folder,
        spec,
        "trunk",
        stream=stream,
        schedule=folder.optim(spec).trunk(),
        watch=watch,
        total=spec.total_steps,
    )
    resume(state, trunk.checkpoint)
    try:
        yield from _train_trunk(state, trunk, spec, recorder)
    except BeginAgainError as error:
        log.warning("%s It is trained again from its start.", error)
        return
    except DivergedError as error:
        if folder.retry(spec, error.step):
            return
        tokens = error.step * spec.data.step_tokens
        recorder.diverged(spec.run_id, step=error.step, tokens=tokens)
    diverged = any(record.loss is None for record in folder.records())
    epochs = stream.epochs(max(spec.budgets) * spec.data.batch_size)
    folder.finish(status="diverged" if diverged else "done", epochs=epochs)


def _train_trunk(state: State, trunk: Leg, spec: RunSpec, recorder: Recorder) -> Loop:
    """Train the trunk, and at every branch point the branch that leaves it there."""
    step_tokens = spec.data.step_tokens

    def measure(state: State) -> None:
        tokens = state.step * step_tokens
        recorder.measure(state, spec.run_id, tokens=tokens, annealed=False)

    for budget in spec.budgets:
        branch_point = spec.branch_point(budget)
        yield from train(state, trunk, branch_point, spec.trunk_points, measure)
        if not recorder.has(spec.branch_id(budget), budget * step_tokens):
            if state.step > branch_point:
                trunk.checkpoint.unlink()
                raise BeginAgainError(f"{spec.run_id} has lost records of what it has trained.")
            save_checkpoint(state, trunk.checkpoint)
            yield from _train_branch(state, trunk, spec, budget, recorder)
        trunk = replace(trunk, before=trunk.before + budget - branch_point)


def _train_branch(state: State, trunk: Leg, spec: RunSpec, budget: int, recorder: Recorder) -> Loop:
    """Decay from the trunk's checkpoint to the end of a budget; a branch may diverge alone.

    It takes the place of the trunk in memory, since large models fit there once, and hands it back.
    """
    tokens = budget * spec.data.step_tokens
    run_id = spec.branch_id(budget)
    branch = replace(
        trunk, name=f"branch-{tokens}", schedule=trunk.folder.optim(spec).decayed(budget)
    )
    resume(state, branch.checkpoint)
    try:
        yield from train(state, branch, budget)
        recorder.measure(state, run_id, tokens=tokens, annealed=True, budget=tokens)
    except DivergedError as error:
        if trunk.folder.retry(spec, error.step):
            raise BeginAgainError(f"{run_id} diverged.") from error
        recorder.diverged(run_id, step=error.step, tokens=tokens, budget=tokens)
    branch.checkpoint.unlink(missing_ok=True)
    load_checkpoint(state, trunk.checkpoint)
