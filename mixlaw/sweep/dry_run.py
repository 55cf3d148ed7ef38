"""What a sweep would do: runs, tokens, FLOPs, time on this machine, disk."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from mixlaw import plugins
from mixlaw.corpora.prepare import load_corpora
from mixlaw.errors import ConfigError, DataError
from mixlaw.executors import open_executor
from mixlaw.experiment import Experiment, load_experiment
from mixlaw.rundir.spec import AnySpec, ExistingSpec, RunSpec
from mixlaw.sweep.cost import START_SECONDS, Cost, cost_of, run_speed
from mixlaw.sweep.data import advice, expected_identity, shortages
from mixlaw.sweep.edits import edit_since, messages
from mixlaw.sweep.jobs import run_folder
from mixlaw.sweep.models import resolve_models
from mixlaw.sweep.plan import DataIdentity, Plan, plan_runs, train_tokens


def describe_sweep(folder: Path, executor: str | None = None) -> dict[str, Any]:
    """The plan of an experiment as plain data; nothing is trained and no corpus is prepared.

    Returns:
        ``runs`` (bases first), each with ``run_id`` (null until the corpora are prepared, since
        their fingerprints are part of it), ``n_params``, ``shares``, ``tokens``, ``flops``,
        ``seconds`` and ``done``; the totals of what is left: ``tokens``, ``flops``,
        ``seconds`` (of wall time with this executor here), ``gpu_hours`` (null where runs have no
        GPU), ``disk`` (bytes that stay) and ``disk_running`` (bytes of checkpoints on top, while
        as many runs as this executor takes are in training); ``edit``, what has changed since the
        last sweep (null if nothing has); and ``notes``, sentences for a person.

    Raises:
        ConfigError: experiment.yaml is wrong.
    """
    experiment = load_experiment(folder)
    experiment, models = resolve_models(folder, experiment, weights=False)
    data = expected_identity(folder, experiment)
    plan, speed = plan_runs(experiment, data, models.shapes), run_speed(experiment)
    slots, absent = _slots(experiment, folder, executor)
    costs = [(spec, cost_of(spec, experiment)) for spec in plan.specs]
    done = [run_folder(folder, spec).is_done for spec in plan.specs]
    edit = edit_since(folder, experiment, plan, data)
    gpus = experiment.executor.gpus_per_run
    left = [cost for (_, cost), is_done in zip(costs, done, strict=True) if not is_done]
    return {
        "schema": "mixlaw.sweep-plan/1",
        "runs": [
            {**_row(spec, cost, speed, data), "done": is_done}
            for (spec, cost), is_done in zip(costs, done, strict=True)
        ],
        "tokens": sum(cost.tokens for cost in left),
        "flops": (flops := sum(cost.all_flops for cost in left)),
        "seconds": _wall_time([cost.all_flops / speed for cost in left], slots),
        "gpu_hours": gpus * flops / speed / 3600 if gpus else None,
        "disk": sum(cost.disk for cost in left) + 4 * sum(train_tokens(experiment).values()),
        "disk_running": sum(sorted((cost.disk_running for cost in left), reverse=True)[:slots]),
        "edit": edit.document() if edit else None,
        "notes": [
            *absent,
            *_on_sizes(experiment, plan),
            *_on_corpora(folder, experiment, data),
            *messages(folder, plan, edit),
        ],
    }


def _on_sizes(experiment: Experiment, plan: Plan) -> list[str]:
    """Whether the files of the corpora are large enough; a plan may be for another machine's."""
    try:
        return [shortage.sentence() for shortage in shortages(experiment, plan)]
    except DataError as error:
        return [f"Whether the corpora are large enough is not known here. {error}"]


def _on_corpora(folder: Path, experiment: Experiment, data: DataIdentity) -> list[str]:
    """What there is to say of the corpora, once they are prepared as experiment.yaml asks."""
    if not data.knows(experiment.corpora):
        return []
    corpora = load_corpora(folder / "corpora")
    return [*corpora.notes, *advice(experiment, corpora)]


def _slots(
    experiment: Experiment, folder: Path, executor: str | None
) -> tuple[int, tuple[str, ...]]:
    """Runs at the same time; and what is missing here, where the plan is made for elsewhere."""
    choice = experiment.executor
    plugins.load("executors", executor or choice.name)
    try:
        with closing(open_executor(choice, folder, executor)) as opened:
            return opened.slots, ()
    except ConfigError as error:
        if choice.workers is None:
            raise
        return choice.workers, (f"{error} The plan is for {choice.workers} runs at a time.",)


def _wall_time(seconds: Sequence[float], slots: int) -> float:
    """As long as all runs take side by side, and no shorter than the longest of them."""
    with_start = [START_SECONDS + each for each in seconds]
    return max(sum(with_start) / slots, *with_start) if with_start else 0.0


def _row(spec: AnySpec, cost: Cost, speed: float, data: DataIdentity) -> dict[str, Any]:
    shares = {} if isinstance(spec, ExistingSpec) else spec.shares
    is_known = data.knows(shares) and getattr(spec.shape, "fingerprint", None) != ""
    return {
        "run_id": spec.run_id if is_known else None,
        "kind": spec.recipe if isinstance(spec, RunSpec) else "base",
        "n_params": spec.shape.n_params,
        "shares": shares,
        "seed": getattr(spec, "seed", None),
        "base_seed": getattr(spec.base if isinstance(spec, RunSpec) else spec, "seed", None),
        "tokens": cost.tokens,
        "flops": cost.all_flops,
        "seconds": cost.all_flops / speed,
    }
