"""What a sweep would do: runs, tokens, FLOPs, time on this machine, disk."""

from contextlib import closing
from pathlib import Path
from typing import Any

from mixlaw.executors import open_executor
from mixlaw.experiment import load_experiment
from mixlaw.sweep.cost import START_SECONDS, Cost, cost_of, measure_speed
from mixlaw.sweep.edits import edit_since, messages
from mixlaw.sweep.expected import expected_identity
from mixlaw.sweep.jobs import run_folder
from mixlaw.sweep.plan import DataIdentity, plan_runs, train_tokens
from mixlaw.train.spec import BaseSpec, RunSpec


def describe_sweep(folder: Path, executor: str | None = None) -> dict[str, Any]:
    """The plan of an experiment as plain data; nothing is trained and no corpus is prepared.

    Returns:
        ``runs`` (bases first), each with ``run_id`` (null until the corpora are prepared, since
        their fingerprints are part of it), ``n_params``, ``shares``, ``tokens``, ``flops``,
        ``seconds`` and ``done``; the totals of what is left: ``tokens``, ``flops``,
        ``seconds`` (of wall time with this executor here) and ``disk`` (bytes); ``edit``, what has
        changed since the last sweep (null if nothing has); and ``notes``, sentences for a person.

    Raises:
        ConfigError: experiment.yaml is wrong.
    """
    experiment = load_experiment(folder)
    data = expected_identity(folder, experiment)
    plan, speed = plan_runs(experiment, data), measure_speed()
    with closing(open_executor(experiment.executor, folder, executor)) as place:
        slots = place.slots
    costs = [(spec, cost_of(spec, experiment)) for spec in plan.specs]
    done = [run_folder(folder, spec).is_done for spec in plan.specs]
    edit = edit_since(folder, experiment, plan, data)
    left = [cost for (_, cost), is_done in zip(costs, done, strict=True) if not is_done]
    return {
        "schema": "mixlaw.sweep-plan/1",
        "runs": [
            {**_row(spec, cost, speed, data), "done": is_done}
            for (spec, cost), is_done in zip(costs, done, strict=True)
        ],
        "tokens": sum(cost.tokens for cost in left),
        "flops": sum(cost.all_flops for cost in left),
        "seconds": sum(cost.all_flops / speed for cost in left) / slots
        + (START_SECONDS * len(left) / slots if left else 0.0),
        "disk": sum(cost.disk for cost in left) + 4 * sum(train_tokens(experiment).values()),
        "edit": edit.document() if edit else None,
        "notes": messages(folder, plan, edit),
    }


def _row(spec: BaseSpec | RunSpec, cost: Cost, speed: float, data: DataIdentity) -> dict[str, Any]:
    return {
        "run_id": spec.run_id if data.knows(spec.shares) else None,
        "kind": spec.recipe if isinstance(spec, RunSpec) else "base",
        "n_params": spec.shape.n_params,
        "shares": spec.shares,
        "seed": spec.seed,
        "base_seed": spec.base.seed if isinstance(spec, RunSpec) else spec.seed,
        "tokens": cost.tokens,
        "flops": cost.all_flops,
        "seconds": cost.all_flops / speed,
    }
