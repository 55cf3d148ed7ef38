"""``fit_laws``: from a runs table to a fit with intervals, held-out errors and statuses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mixlaw import laws
from mixlaw.doctor import MEANINGLESS_LOSSES, Finding, examine
from mixlaw.errors import ConfigError
from mixlaw.fit import diagnostics, held_out, provenance
from mixlaw.fit import noise as noises
from mixlaw.fit.base_loss import fit_base
from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.laws_at_target import heard
from mixlaw.fit.lmfit_report import Profiles, standard_errors
from mixlaw.fit.provenance import facts
from mixlaw.fit.selection import GivenTable
from mixlaw.fit.stack import AUTO, Choice, auto, compared_document, one_law
from mixlaw.laws import Law
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import DOCTOR_ERROR, MEANINGLESS, Status
from mixlaw.roles import Roles
from mixlaw.runs.table import corpora_of
from mixlaw.runs.views import only_where

N_DRAWS = 500


def fit_laws(
    runs: GivenTable | pd.DataFrame | str | Path,
    law: str | Law | None = None,
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
        runs: a runs table, the path of one, or one that was read already.
        law: name of a law, several (``dcpt,exponential``) or ``auto`` for a stack; default
            ``dcpt`` for a mixture table, ``chinchilla`` for one corpus. Or a ``Law`` that no
            package brings (see ``mixlaw.laws.provide``).
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
    if isinstance(law, Law):
        laws.provide(law)
        law = law.name
    roles, target = roles or Roles(), dict(target or {})
    table = runs if isinstance(runs, GivenTable) else GivenTable.of(runs)
    frame = only_where(table.frame, where or {})
    choice = _choice(frame, law or default_law(frame), roles, eval_sets, mix, constraints)
    profiles = Profiles.of(choice.leading, profile)
    found = [
        *_table_errors(frame, roles, target),
        *diagnostics.of_selection(choice.selection, choice.fits, target),
    ]
    options = {
        "law": law,
        "eval_sets": list(eval_sets or []),
        "where": dict(where or {}),
        "mix": list(mix),
        "constraints": list(constraints),
        "n_draws": n_draws,
        "seed": seed,
    }
    result = FitResult(
        law=choice.law,
        eval_sets=tuple(choice.leading),
        domain_set=roles.domain_set,
        general_set=roles.general_set,
        target=target,
        statuses=diagnostics.ordered([*found, *profiles.statuses]),
        beyond=choice.beyond(),
        lack_of_fit=choice.lack_of_fit(),
        **provenance.coverage(choice.selection),
        **_noise(choice),
        **_draws(choice, n_draws, seed),
        **_held_out(choice),
        about={
            "source": table.source,
            "data_sha256": table.sha256,
            "options": options,
            "versions": provenance.versions(),
            **_solution(choice, profiles),
            **facts(frame, roles),
        },
    )
    return heard(result, choice, seed)


def _table_errors(frame: pd.DataFrame, roles: Roles, target: Mapping[str, float]) -> list[Status]:
    """What makes any answer of this table wrong: it goes wherever the fit goes."""
    return [
        Status(_error_code(finding, roles), f"{finding.what} {finding.effect}")
        for finding in examine(frame, roles, target)
        if finding.severity == "error"
    ]


def _error_code(finding: Finding, roles: Roles) -> str:
    asked_about = {roles.domain_set, *roles.general_sets} & set(finding.eval_sets)
    return MEANINGLESS if finding.code in MEANINGLESS_LOSSES and asked_about else DOCTOR_ERROR


def default_law(frame: pd.DataFrame) -> str:
    """``dcpt`` where the table has a mixture, ``chinchilla`` where it has one corpus."""
    return "dcpt" if corpora_of(frame) else "chinchilla"


def _choice(
    frame: pd.DataFrame,
    law: str,
    roles: Roles,
    eval_sets: Sequence[str] | None,
    mix: Sequence[str],
    constraints: Sequence[str],
) -> Choice:
    """One law by name, a stack of those named (``A,B``), or of all (``auto``)."""
    names = [name.strip() for name in law.split(",")]
    if law != AUTO and len(names) == 1:
        return one_law(frame, laws.load(law), roles, eval_sets, mix, constraints)
    if constraints:
        raise ConfigError("Constraints belong to one law; name it with --law, not a stack.")
    return auto(frame, roles, eval_sets, mix, None if law == AUTO else names)


def _noise(choice: Choice) -> dict[str, Any]:
    """Spread of the residuals, and between replicates."""
    rows = choice.selection.rows
    return {
        "sigma": {name: fit.residual_std for name, fit in choice.leading.items()},
        "seed_std": {name: noises.seed_std(of_set) for name, of_set in rows.items()},
    }


def _draws(choice: Choice, n_draws: int, seed: int) -> dict[str, Any]:
    """Members of the laws and of the base law: draw k is one resampled sweep in all of them."""
    plan = Plan.draw(n_draws, len(choice.selection.trunks), seed)
    return {
        "stack": {
            name: tuple(
                member
                for law, fit in fits.items()
                for member in fit.members(plan, choice.weights[name][law])
            )
            for name, fits in choice.fits.items()
        },
        "base_stack": {
            name: fit_base(rows, n_draws, seed + 1) for name, rows in choice.selection.base.items()
        },
    }


def _held_out(choice: Choice) -> dict[str, Any]:
    """Errors on held-out rows: of the law or the stack, of the baseline, of every law compared."""
    scores = {name: held_out.held_out(found) for name, found in choice.forecasts.items()}
    naive = {name: held_out.baseline(rows) for name, rows in choice.selection.rows.items()}
    return {
        "held_out": {name: held_out.document(found) for name, found in scores.items()},
        "baseline": {name: held_out.document(found) for name, found in naive.items()},
        "compared": compared_document(choice),
    }


def _solution(choice: Choice, profiles: Profiles) -> dict[str, Any]:
    """How the heaviest law of every eval set was found, and how well its parameters are known."""
    leading = choice.leading
    return {
        "checklist": provenance.checklist(choice.selection, leading),
        "standard_errors": {name: standard_errors(fit) for name, fit in leading.items()},
        "profiles": profiles.intervals,
    }
