"""The rows of one run: its evaluations, named, on one token axis, and what is described."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mixlaw.errors import DataError
from mixlaw.importers import UNNAMED, Evaluation, Log
from mixlaw.importers.assembly.axis import token_axis
from mixlaw.importers.assembly.description import RunDescription
from mixlaw.importers.assembly.mixture_path import realised_shares
from mixlaw.importers.assembly.nats import in_nats
from mixlaw.importers.assembly.resume import in_force
from mixlaw.importers.reading import unit_of


def rows_of_run(
    run_id: str,
    run: RunDescription,
    log: Log,
    eval_sets: Mapping[str, str],
    source: str,
    notes: list[str],
) -> list[dict[str, Any]]:
    """Rows of the runs table for one run.

    Args:
        run_id: of the run.
        run: what the description says of it.
        log: what its log says.
        eval_sets: the table's name of an eval set by the log's name.
        source: where the rows came from, for the table's ``source`` column.
        notes: gets what a person should know.

    Raises:
        ConfigError: the description does not say what the log leaves open.
        DataError: the log's losses have no name, or it contradicts the description.
    """
    evaluations = _one_axis(run, _named(run_id, run, log.evaluations, notes))
    if log.ordered:
        evaluations = in_force(run_id, run, evaluations, notes)
    flag = _flag_of_log(run_id, run, log, evaluations, notes)
    described = run.columns()
    axis = token_axis(run_id, run, evaluations, source, notes)
    rows = []
    for read, tokens in zip(evaluations, axis, strict=True):
        eval_set = eval_sets.get(read.eval_set, read.eval_set)
        evaluation = in_nats(run_id, run, _with_unit(read, eval_sets), eval_set)
        row = {
            **_merged(run_id, dict(evaluation.more), described),
            "run_id": run_id,
            "tokens": tokens,
            "eval_set": eval_set,
            "loss": evaluation.loss,
            "source": source,
            "flag": evaluation.flag or flag,
        }
        if path := row.get("mixture_path"):
            row |= realised_shares(str(path), tokens, f"run '{run_id}'")
        rows.append(row)
    not_finite = sum(not math.isfinite(row["loss"]) for row in rows)
    if not_finite:
        notes.append(
            f"{run_id}: {not_finite} of {len(rows)} losses are not finite; they are flagged"
        )
    if run.annealed is not None:
        last = max(row["tokens"] for row in rows)
        for row in rows:
            row["annealed"] = run.annealed is True or (
                run.annealed == "end" and row["tokens"] == last
            )
    return rows


def _with_unit(evaluation: Evaluation, eval_sets: Mapping[str, str]) -> Evaluation:
    """The evaluation with the unit that its metric's name gives away, where it was asked for."""
    asked_for = evaluation.eval_set in eval_sets and not evaluation.unit
    return replace(evaluation, unit=unit_of(evaluation.eval_set)) if asked_for else evaluation


def _named(
    run_id: str, run: RunDescription, evaluations: list[Evaluation], notes: list[str]
) -> list[Evaluation]:
    """Evaluations with a named set; an unnamed one is taken only if the description names it."""
    unnamed = [e for e in evaluations if e.eval_set == UNNAMED]
    if not unnamed:
        return evaluations
    if run.unnamed_eval_set is not None:
        name = run.unnamed_eval_set
        return [replace(e, eval_set=name) if e.eval_set == UNNAMED else e for e in evaluations]
    if len(unnamed) == len(evaluations):
        raise DataError(
            f"Run '{run_id}' logs one held-out loss without a name; a blend of corpora cannot be "
            "fitted, so evaluate them apart, or, if it is a single set, name it with "
            "'unnamed_eval_set' in the description."
        )
    notes.append(f"{run_id}: left out {len(unnamed)} losses that are not of one named eval set")
    return [e for e in evaluations if e.eval_set != UNNAMED]


def _one_axis(run: RunDescription, evaluations: list[Evaluation]) -> list[Evaluation]:
    """Of an eval set logged against samples and against steps too, only the better axis."""
    axes: dict[str, set[bool]] = {}
    for evaluation in evaluations:
        axes.setdefault(evaluation.eval_set, set()).add(evaluation.step is None)
    by_samples = run.sequence_length is not None
    return [e for e in evaluations if len(axes[e.eval_set]) == 1 or (e.step is None) == by_samples]


def _flag_of_log(
    run_id: str,
    run: RunDescription,
    log: Log,
    evaluations: list[Evaluation],
    notes: list[str],
) -> str:
    """Why no row of this log should be fitted: it was cut, or the run never ended."""
    steps = [e.step for e in evaluations if e.step is not None]
    if log.last_step is not None and steps and max(steps) < log.last_step:
        notes.append(
            f"{run_id}: the last evaluation is at step {max(steps):g}, but the log goes on to "
            f"step {log.last_step:g}"
        )
    if log.truncated:
        notes.append(
            f"{run_id}: the log is cut at its end; its whole records are flagged truncated"
        )
        return "truncated"
    planned, last = log.planned_steps, log.last_step
    if planned is not None and last is not None and last < planned and not run.finished:
        notes.append(
            f"{run_id}: stopped at step {last:g} of {planned:g}, so its rows are flagged "
            "unfinished; 'finished: true' in the description keeps them"
        )
        return "unfinished"
    return ""


def _merged(run_id: str, logged: dict[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    """The log's own columns with the description's; two different values are refused."""
    for column in logged.keys() & described.keys():
        ours, theirs = described[column], logged[column]
        if str(theirs) != str(ours) and not _equal(theirs, ours):
            raise DataError(
                f"Run '{run_id}': its table says {column} = {theirs}, the description {ours}; "
                "drop one of them."
            )
    return {**logged, **described}


def _equal(a: Any, b: Any) -> bool:
    try:
        return float(a) == float(b)
    except (TypeError, ValueError):
        return False
