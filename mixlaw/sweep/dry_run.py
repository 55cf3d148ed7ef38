"""What a sweep would do: runs, tokens, FLOPs, time on this machine, disk."""

from pathlib import Path
from typing import Any

from mixlaw import plugins
from mixlaw.corpora.prepare import load_corpora
from mixlaw.corpora.tokenizer import load_encoder
from mixlaw.errors import DataError
from mixlaw.experiment import Experiment, load_experiment
from mixlaw.sweep.cost import START_SECONDS, Cost, cost_of, measure_speed
from mixlaw.sweep.jobs import run_folder
from mixlaw.sweep.plan import DataIdentity, plan_runs, train_tokens
from mixlaw.train.spec import BaseSpec, RunSpec


def describe_sweep(folder: Path, executor: str | None = None) -> dict[str, Any]:
    """The plan of an experiment as plain data; nothing is trained and no corpus is prepared.

    Returns:
        ``runs`` (bases first), each with ``run_id`` (null until the corpora are prepared, since
        their fingerprints are part of it), ``n_params``, ``shares``, ``tokens``, ``flops``,
        ``seconds`` and ``done``; and the totals of what is left: ``tokens``, ``flops``,
        ``seconds`` (of wall time with this executor here) and ``disk`` (bytes).

    Raises:
        ConfigError: experiment.yaml is wrong.
    """
    experiment = load_experiment(folder)
    data = _identity(folder, experiment)
    is_prepared = data.tokenizer != ""
    plan, speed = plan_runs(experiment, data), measure_speed()
    choice = experiment.executor
    slots = plugins.load("executors", executor or choice.name).open_executor(choice.workers).slots
    costs = [(spec, cost_of(spec, experiment)) for spec in plan.specs]
    done = [is_prepared and run_folder(folder, spec).is_done for spec in plan.specs]
    left = [cost for (_, cost), is_done in zip(costs, done, strict=True) if not is_done]
    return {
        "schema": "mixlaw.sweep-plan/1",
        "runs": [
            {**_row(spec, cost, speed, is_prepared), "done": is_done}
            for (spec, cost), is_done in zip(costs, done, strict=True)
        ],
        "tokens": sum(cost.tokens for cost in left),
        "flops": sum(cost.all_flops for cost in left),
        "seconds": sum(cost.all_flops / speed for cost in left) / slots
        + (START_SECONDS * len(left) / slots if left else 0.0),
        "disk": sum(cost.disk for cost in left) + 4 * sum(train_tokens(experiment).values()),
    }


def _row(spec: BaseSpec | RunSpec, cost: Cost, speed: float, is_prepared: bool) -> dict[str, Any]:
    return {
        "run_id": spec.run_id if is_prepared else None,
        "kind": spec.recipe if isinstance(spec, RunSpec) else "base",
        "n_params": spec.shape.n_params,
        "shares": spec.shares,
        "seed": spec.seed,
        "base_seed": spec.base.seed if isinstance(spec, RunSpec) else spec.seed,
        "tokens": cost.tokens,
        "flops": cost.all_flops,
        "seconds": cost.all_flops / speed,
    }


def _identity(folder: Path, experiment: Experiment) -> DataIdentity:
    """Of the corpora that are prepared; a stand-in before that."""
    try:
        corpora = load_corpora(folder / "corpora")
    except DataError:
        return DataIdentity.unprepared(experiment, _vocab_size(experiment))
    return DataIdentity.of(corpora)


def _vocab_size(experiment: Experiment) -> int:
    tokenizer = experiment.tokenizer
    if tokenizer.path is None:
        return tokenizer.vocab_size
    return load_encoder(Path(tokenizer.path), tokenizer.end_of_text).vocab_size
