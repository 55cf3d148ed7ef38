"""``fit_laws``: from a runs table to a fit with intervals, held-out errors and statuses."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from mixlaw import laws
from mixlaw.errors import DataError, unknown_name
from mixlaw.fit import holdout, statuses
from mixlaw.fit import noise as noises
from mixlaw.fit.base import fit_base
from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.result import FitResult, Status
from mixlaw.fit.rows import Selection, select
from mixlaw.fit.slices import LawFit, fit_law, levels
from mixlaw.laws import Law
from mixlaw.roles import Roles
from mixlaw.runs import corpora_of, read_runs, validate_runs

N_DRAWS = 500


def fit_laws(
    runs: pd.DataFrame | str | Path,
    law: str | None = None,
    roles: Roles | None = None,
    eval_sets: Sequence[str] | None = None,
    *,
    where: Mapping[str, str] | None = None,
    mix: Sequence[str] = (),
    n_draws: int = N_DRAWS,
    seed: int = 0,
    target: Mapping[str, float] | None = None,
) -> FitResult:
    """Fit a law to a runs table.

    Args:
        runs: a runs table, or the path of one.
        law: name of a law; default ``dcpt`` for a mixture table, ``chinchilla`` for one corpus.
        roles: which eval sets and corpora are the domain and the general.
        eval_sets: what to fit; default the domain and the general loss, or all without them.
        where: only rows with these values, by column.
        mix: columns of definitions (schedule, recipe, ...) that may differ within the fit.
        n_draws: resampled sweeps.
        seed: of the resampling.
        target: ``n_params`` and ``tokens`` that the fit is for, where known.

    Raises:
        DataError: the table cannot be used.
        FitError: the law cannot be fitted to its rows.
        ConfigError: unknown law, eval set or corpus.
    """
    roles = roles or Roles()
    frame, data_hash = _table(runs)
    frame = _filtered(frame, where or {})
    chosen = laws.load(law or default_law(frame))
    selection = select(frame, chosen, roles, eval_sets, mix)
    selection = _without_rising_edges(selection, chosen)
    plan = Plan.draw(n_draws, len(selection.trunks), seed)
    fits = {name: fit_law(chosen, rows, selection.corpora) for name, rows in selection.rows.items()}
    options = {
        "law": law,
        "eval_sets": list(eval_sets or []),
        "where": dict(where or {}),
        "mix": list(mix),
        "n_draws": n_draws,
        "seed": seed,
    }
    return FitResult(
        law=chosen.name,
        eval_sets=tuple(fits),
        domain_set=roles.domain_set,
        general_set=roles.general_set,
        corpora=selection.corpora,
        domain_corpora=selection.domain_corpora,
        own=selection.own,
        stack={name: fit.members(plan) for name, fit in fits.items()},
        base_stack={
            name: fit_base(rows, n_draws, seed + 1) for name, rows in selection.base.items()
        },
        ranges=_ranges(selection),
        levels={name: levels(values) for name, values in _settings(selection).items()},
        statuses=_statuses(selection, fits, dict(target or {})),
        held_out={
            name: holdout.document(holdout.held_out(chosen, rows, selection.corpora))
            for name, rows in selection.rows.items()
        },
        baseline={
            name: holdout.document(holdout.baseline(rows)) for name, rows in selection.rows.items()
        },
        rows_used=sum(map(len, selection.rows.values())),
        rows_left_out=selection.left_out,
        target=dict(target or {}),
        sigma={name: float(np.sqrt(np.mean(fit.residual**2))) for name, fit in fits.items()},
        seed_std={name: noises.seed_std(rows) for name, rows in selection.rows.items()},
        about=_about(selection, fits, options, data_hash),
    )


def default_law(frame: pd.DataFrame) -> str:
    """``dcpt`` where the table has a mixture, ``chinchilla`` where it has one corpus."""
    return "dcpt" if corpora_of(frame) else "chinchilla"


def _table(runs: pd.DataFrame | str | Path) -> tuple[pd.DataFrame, str]:
    """The validated table and the SHA-256 of what was given."""
    if isinstance(runs, pd.DataFrame):
        frame = validate_runs(runs)
        return frame, hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()
    frame = read_runs(runs)
    return frame, hashlib.sha256(Path(runs).read_bytes()).hexdigest()


def _filtered(frame: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    for column, value in where.items():
        if column not in frame.columns:
            raise DataError(unknown_name("column", column, frame.columns))
        # Base rows were trained by nobody here: a filter on how CPT was done keeps them.
        keep = (frame[column].astype(str) == value) | (frame["tokens"] == 0)
        if not (keep & (frame["tokens"] > 0)).any():
            raise DataError(f"No row has {column} = '{value}'; the filter leaves nothing to fit.")
        frame = frame[keep]
    return frame


def _without_rising_edges(selection: Selection, law: Law) -> Selection:
    """Leave out share-0 rows that rise with tokens, where the law claims that the loss falls.

    The law is flat in tokens at share 0, so such rows would pull every curve (core-laws A10).
    """
    claim = next((c for c in law.claims if c == laws.Claim("decreasing", "D")), None)
    if claim is None or "r" not in law.inputs:
        return selection
    rows, found, left_out = {}, [], dict(selection.left_out)
    for name, every in selection.rows.items():
        rows[name] = every
        if "r" not in every.x:
            continue
        edge = (every.x["r"] == 0) & statuses.rising_groups(every, claim)
        if edge.any() and not edge.all():
            rows[name] = every.where(~edge)
            reason = f"share 0 and rising with tokens, which {law.name} cannot do"
            left_out[reason] = left_out.get(reason, 0) + int(edge.sum())
            message = (
                f"{edge.sum()} rows of share 0 rise with tokens and were left out: {law.name} "
                "cannot describe them, so ratios near that end are extrapolated"
            )
            found.append(Status("shape-violated", message, name, law.name))
    return replace(selection, rows=rows, left_out=left_out, statuses=(*selection.statuses, *found))


def _statuses(
    selection: Selection, fits: Mapping[str, LawFit], target: dict[str, float]
) -> tuple[Status, ...]:
    found = list(selection.statuses)
    for name, fit in fits.items():
        rows = selection.rows[name]
        point = statuses.default_target(rows, target, ("h", "r", "R", "L0"))
        found += statuses.of_fit(fit, rows, name, point)
    return statuses.ordered(found)


def _settings(selection: Selection) -> dict[str, np.ndarray]:
    """Values of every setting over all fitted rows."""
    every = list(selection.rows.values())
    if not every:
        raise DataError("There are no rows to fit.")
    size, tokens = (np.concatenate([rows.x[name] for rows in every]) for name in ("N", "D"))
    settings = {"n_params": size, "tokens": tokens, "tokens_per_param": tokens / size}
    for i, corpus in enumerate(selection.corpora):
        settings[f"share.{corpus}"] = np.concatenate([rows.x["h"][i] for rows in every])
    return settings


def _ranges(selection: Selection) -> dict[str, tuple[float, float]]:
    return {
        name: (float(values.min()), float(values.max()))
        for name, values in _settings(selection).items()
    }


def _about(
    selection: Selection,
    fits: Mapping[str, LawFit],
    options: Mapping[str, object],
    data_hash: str,
) -> dict[str, object]:
    packages = ("mixlaw", "numpy", "scipy", "pandas", "lmfit")
    parts = {name: fit.parts for name, fit in fits.items()}
    return {
        "data_sha256": data_hash,
        "options": dict(options),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "checklist": {
            **selection.checklist,
            "objective": "Huber loss of log residuals, weighted sum",
            "delta": {name: part[0].problem.delta for name, part in parts.items()},
            "objective_value": {
                n: [float(f.solution.objective[0]) for f in p] for n, p in parts.items()
            },
            "starts": {n: [f.problem.effort.starts for f in p] for n, p in parts.items()},
            "rows": {name: len(rows) for name, rows in selection.rows.items()},
            "exclusions": selection.left_out,
            "intervals": "resampled residual paths of whole trunks, refitted",
        },
    }
