"""From the records of all runs to the runs table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixlaw.corpora.prepare import Corpora
from mixlaw.sweep.plan import Plan
from mixlaw.train.folder import Record, RunFolder
from mixlaw.train.schedule import Schedule
from mixlaw.train.spec import BaseSpec, OptimSpec, RunSpec

#: Version of the definition of ``loss``, ``loss_se`` and ``bpb`` (see ``mixlaw.train.evaluate``).
METRIC_VERSION = "mixlaw-1"


def collect_runs(experiment: Path, plan: Plan, corpora: Corpora) -> Path:
    """Write ``runs.csv`` from the runs of a plan that are done; the same runs give the same bytes.

    Returns:
        The table's path.
    """
    import pandas as pd

    from mixlaw.runs import validate_runs, write_runs

    unique = {f"unique_tokens.{name}": c.n_tokens for name, c in corpora.train.items()}
    rows = [{**row, **unique} for row in _rows(experiment, plan)]
    path = experiment / "runs.csv"
    frame = pd.DataFrame(rows)
    write_runs(validate_runs(frame, source="the records of this sweep"), path)
    return path


def _rows(experiment: Path, plan: Plan) -> Iterator[dict[str, Any]]:
    for base in plan.bases:
        folder = RunFolder(experiment / "bases" / base.run_id)
        if folder.is_done:
            yield from (_base_row(base, folder.optim(base), record) for record in folder.records())
    for run in plan.runs:
        folder = RunFolder(experiment / "runs" / run.run_id)
        if folder.is_done:
            yield from (_run_row(run, folder.optim(run), record) for record in folder.records())


def _base_row(base: BaseSpec, optim: OptimSpec, record: Record) -> dict[str, Any]:
    return {
        **_common(base, optim, record, optim.decayed(base.steps)),
        "recipe": "base",
        "base_id": base.run_id,
        "base_tokens": base.tokens,
    }


def _run_row(run: RunSpec, optim: OptimSpec, record: Record) -> dict[str, Any]:
    on_trunk = record.run_id == run.run_id
    budget = (record.token_budget or 0) // run.data.step_tokens
    schedule = optim.trunk() if on_trunk else optim.decayed(budget)
    return {
        **_common(run, optim, record, schedule),
        **{f"share.{name}": share for name, share in run.shares.items()},
        "recipe": run.recipe,
        "trunk_id": run.run_id,
        "token_budget": record.token_budget,
        "base_id": run.base.run_id,
        "base_tokens": run.base.tokens,
    }


def _common(
    spec: BaseSpec | RunSpec, optim: OptimSpec, record: Record, schedule: Schedule
) -> dict[str, Any]:
    return {
        "run_id": record.run_id,
        "n_params": spec.shape.n_params,
        "tokens": record.tokens,
        "eval_set": record.eval_set,
        "loss": record.loss,
        "loss_se": record.loss_se,
        "eval_tokens": record.eval_tokens,
        "bpb": record.bpb,
        "metric_version": METRIC_VERSION,
        "tokenizer": spec.data.tokenizer,
        "seed": spec.seed,
        "annealed": record.annealed,
        "lr_peak": optim.lr_peak,
        "lr_rule": optim.lr_rule,
        "schedule": json.dumps(schedule.document(spec.data.step_tokens)),
        "batch_tokens": spec.data.step_tokens,
        "n_params_total": spec.shape.n_params_total,
        "n_params_embedding": spec.shape.n_params_embedding,
        "flops": record.flops,
        "flag": "" if record.loss is not None else "diverged",
    }
