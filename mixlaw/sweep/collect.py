"""From the records of all runs to the runs table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixlaw.corpora.prepare import Corpora
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.records import Record
from mixlaw.rundir.spec import BaseSpec, ExistingSpec, Identified, OptimSpec, RunSpec, Spec
from mixlaw.schedule import Schedule
from mixlaw.sweep.jobs import run_folder
from mixlaw.sweep.plan import Plan

#: Version of the definition of ``loss``, ``loss_se`` and ``bpb`` (see ``mixlaw.train.evaluate``).
METRIC_VERSION = "mixlaw-1"


def collect_runs(experiment: Path, plan: Plan, corpora: Corpora) -> Path:
    """Write ``runs.csv`` from the runs of a plan that are done; the same runs give the same bytes.

    Returns:
        The table's path.
    """
    import pandas as pd

    from mixlaw.runs.table import validate_runs, write_runs

    unique = {f"unique_tokens.{name}": c.n_tokens for name, c in corpora.train.items()}
    rows = [{**row, **unique} for row in _rows(experiment, plan)]
    path = experiment / "runs.csv"
    frame = pd.DataFrame(rows)
    write_runs(validate_runs(frame, source="the records of this sweep"), path)
    return path


def base_row(folder: RunFolder, base: BaseSpec | ExistingSpec, record: Record) -> dict[str, Any]:
    """The row of one evaluation of a base."""
    facts = {"recipe": "base", "base_id": base.run_id, "base_tokens": _base_tokens(folder, base)}
    if isinstance(base, ExistingSpec):
        return {**_measured(base, base.tokenizer, record), **facts}
    optim = folder.optim(base)
    return {**_trained(base, optim, record, optim.decayed(base.steps)), **facts}


def _rows(experiment: Path, plan: Plan) -> Iterator[dict[str, Any]]:
    for base in plan.bases:
        folder = run_folder(experiment, base)
        if folder.is_done:
            yield from (base_row(folder, base, record) for record in folder.records())
    for run in plan.runs:
        folder = run_folder(experiment, run)
        if folder.is_done:
            yield from (_run_row(folder, run, record) for record in folder.records())


def _base_tokens(folder: RunFolder, base: BaseSpec | ExistingSpec) -> int | None:
    return base.tokens if isinstance(base, BaseSpec) else folder.source.tokens


def _run_row(folder: RunFolder, run: RunSpec, record: Record) -> dict[str, Any]:
    optim = folder.optim(run)
    on_trunk = record.run_id == run.run_id
    budget = (record.token_budget or 0) // run.data.step_tokens
    schedule = optim.trunk() if on_trunk else optim.decayed(budget)
    return {
        **_trained(run, optim, record, schedule),
        **{f"share.{name}": share for name, share in run.shares.items()},
        "recipe": run.recipe,
        "trunk_id": run.run_id,
        "token_budget": record.token_budget,
        "base_id": run.base.run_id,
        "base_tokens": _base_tokens(folder.base(run), run.base),
    }


def _trained(spec: Spec, optim: OptimSpec, record: Record, schedule: Schedule) -> dict[str, Any]:
    return {
        **_measured(spec, spec.data.tokenizer, record),
        "seed": spec.seed,
        "lr_peak": optim.lr_peak,
        "lr_rule": optim.lr_rule,
        "schedule": json.dumps(schedule.document(spec.data.step_tokens)),
        "batch_tokens": spec.data.step_tokens,
    }


def _measured(spec: Identified, tokenizer: str, record: Record) -> dict[str, Any]:
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
        "tokenizer": tokenizer,
        "annealed": record.annealed,
        "n_params_total": spec.shape.n_params_total,
        "n_params_embedding": spec.shape.n_params_embedding,
        "flops": record.flops,
        "flag": "" if record.loss is not None else "diverged",
    }
