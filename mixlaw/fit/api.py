"""``fit_laws``: from a runs table to a fit with intervals, held-out errors and statuses."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mixlaw import laws
from mixlaw.fit import about, holdout, statuses
from mixlaw.fit import noise as noises
from mixlaw.fit.base import fit_base
from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.fitting import Settings
from mixlaw.fit.lmfit_report import Profiles, standard_errors
from mixlaw.fit.result import FitResult
from mixlaw.fit.rows import Selection, only_where, select
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
    constraints: Sequence[str] = (),
    profile: Sequence[str] = (),
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
        constraints: switches of the law to impose, such as ``eta>1``.
        profile: parameters whose profile interval to compute as well.
        n_draws: resampled sweeps.
        seed: of the resampling.
        target: ``n_params`` and ``tokens`` that the fit is for, where known.

    Raises:
        DataError: the table cannot be used.
        FitError: the law cannot be fitted to its rows.
        ConfigError: unknown law, eval set, corpus or constraint.
    """
    roles, target = roles or Roles(), dict(target or {})
    frame, data_hash = _table(runs)
    frame = only_where(frame, where or {})
    chosen = laws.load(law or default_law(frame))
    selection = select(frame, chosen, roles, eval_sets, mix)
    selection = statuses.without_rising_edges(selection, chosen)
    settings = Settings(selection.corpora, tuple(constraints))
    fits = {name: fit_law(chosen, rows, settings) for name, rows in selection.rows.items()}
    profiles = Profiles.of(fits, profile)
    options = {
        "law": law,
        "eval_sets": list(eval_sets or []),
        "where": dict(where or {}),
        "mix": list(mix),
        "constraints": list(constraints),
        "n_draws": n_draws,
        "seed": seed,
    }
    found = statuses.of_selection(selection, fits, target)
    return FitResult(
        law=chosen.name,
        eval_sets=tuple(fits),
        domain_set=roles.domain_set,
        general_set=roles.general_set,
        corpora=selection.corpora,
        domain_corpora=selection.domain_corpora,
        own=selection.own,
        **_draws(selection, fits, n_draws, seed),
        ranges=about.ranges(selection),
        levels={name: levels(values) for name, values in about.values(selection).items()},
        statuses=statuses.ordered([*found, *profiles.statuses]),
        **_held_out(chosen, selection, settings),
        rows_used=sum(map(len, selection.rows.values())),
        rows_left_out=selection.left_out,
        target=target,
        sigma={name: float(np.sqrt(np.mean(fit.residual**2))) for name, fit in fits.items()},
        seed_std={name: noises.seed_std(rows) for name, rows in selection.rows.items()},
        about={
            "data_sha256": data_hash,
            "options": options,
            "versions": about.versions(),
            "checklist": about.checklist(selection, fits),
            "standard_errors": {name: standard_errors(fit) for name, fit in fits.items()},
            "profiles": profiles.intervals,
        },
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


def _draws(
    selection: Selection, fits: Mapping[str, LawFit], n_draws: int, seed: int
) -> dict[str, Any]:
    """Members of the laws and of the base law: draw k is one resampled sweep in all of them."""
    plan = Plan.draw(n_draws, len(selection.trunks), seed)
    return {
        "stack": {name: fit.members(plan) for name, fit in fits.items()},
        "base_stack": {
            name: fit_base(rows, n_draws, seed + 1) for name, rows in selection.base.items()
        },
    }


def _held_out(law: Law, selection: Selection, settings: Settings) -> dict[str, Any]:
    """Errors on held-out rows, of the law and of the baseline."""
    law_scores = {n: holdout.held_out(law, r, settings) for n, r in selection.rows.items()}
    naive_scores = {n: holdout.baseline(r) for n, r in selection.rows.items()}
    return {
        "held_out": {name: holdout.document(scores) for name, scores in law_scores.items()},
        "baseline": {name: holdout.document(scores) for name, scores in naive_scores.items()},
    }
