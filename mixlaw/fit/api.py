"""``fit_laws``: from a runs table to a fit with intervals, held-out errors and statuses."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from mixlaw import laws
from mixlaw.doctor import MEANINGLESS_LOSSES, Finding, examine
from mixlaw.errors import ConfigError, FitError
from mixlaw.fit import diagnostics, held_out, provenance
from mixlaw.fit import noise as noises
from mixlaw.fit.base_loss import fit_base
from mixlaw.fit.bootstrap import Plan
from mixlaw.fit.discrepancy.kriging import conditioned
from mixlaw.fit.laws_at_target import with_laws_at_target
from mixlaw.fit.lmfit_report import Profiles, standard_errors
from mixlaw.fit.prior.fit import LAW, fit_few_runs, has_few_runs
from mixlaw.fit.provenance import facts
from mixlaw.fit.selection import GivenTable
from mixlaw.fit.short_runs import short_runs_hurt
from mixlaw.fit.stack import AUTO, Choice, auto, compared_document, single_law
from mixlaw.fit.standard_draws import draw_standard
from mixlaw.laws import Law
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import DOCTOR_ERROR, MEANINGLESS, Status
from mixlaw.roles import Roles
from mixlaw.runs.conditions import Where
from mixlaw.runs.table import corpora_of
from mixlaw.runs.views import only_where

#: Resampled sweeps of a fit: the ends of a 90% interval then have a standard error of about 3% of
#: its width if draws are normal. Time and size of the files grow with it.
N_DRAWS = 500


@dataclass(frozen=True)
class _Options:
    """The request for a fit, as ``fit_laws`` takes it and ``fit.json`` keeps it."""

    law: str | None
    eval_sets: list[str]
    where: dict[str, str] | list[str]
    mix: list[str]
    constraints: list[str]
    n_draws: int
    seed: int

    @classmethod
    def of(
        cls,
        law: str | None,
        eval_sets: Sequence[str] | None,
        where: Where | None,
        mix: Sequence[str],
        constraints: Sequence[str],
        n_draws: int,
        seed: int,
    ) -> "_Options":
        """The options as JSON can keep them."""
        conditions = dict(where) if isinstance(where, Mapping) else list(where or ())
        sets = list(eval_sets or ())
        return cls(law, sets, conditions, list(mix), list(constraints), n_draws, seed)


def fit_laws(
    runs: GivenTable | pd.DataFrame | str | Path,
    law: str | Law | None = None,
    roles: Roles | None = None,
    eval_sets: Sequence[str] | None = None,
    *,
    where: Where | None = None,
    mix: Sequence[str] = (),
    constraints: Sequence[str] = (),
    profile: Sequence[str] = (),
    n_draws: int = N_DRAWS,
    seed: int = 0,
    target: Mapping[str, float] | None = None,
    prior: Literal["published", "none"] | None = None,
) -> FitResult:
    """Fit a law to a runs table.

    Args:
        runs: a runs table, the path of one, or one that was read already.
        law: name of a law, several (``dcpt,exponential``) or ``auto`` for a stack; default
            ``auto``, or where a table is too small to compare laws on, ``dcpt`` for a mixture
            and ``chinchilla`` for one corpus; or a ``Law`` (see ``mixlaw.laws.provide``).
        roles: which eval sets and corpora are the domain and the general.
        eval_sets: what to fit; default the domain and the general loss, or all without them.
        where: only rows with these values, or that meet conditions (``tokens/n_params>=10``).
        mix: columns of definitions (schedule, recipe, lr_peak, ...) that may differ within a fit.
        constraints: switches of the law to impose, such as ``eta>1``.
        profile: parameters whose profile interval to compute as well.
        n_draws: resampled sweeps.
        seed: of the resampling.
        target: ``n_params`` and ``tokens`` that the fit is for, where known.
        prior: ``published``: the law ``forgetting`` under what studies say; ``none``: rows alone;
            default ``published`` where no law is named and runs are too few to compare laws on.

    Raises:
        DataError: the table cannot be used.
        FitError: the law cannot be fitted to its rows.
        ConfigError: unknown law, eval set, corpus or constraint.
    """
    options = _Options.of(_provided(law), eval_sets, where, mix, constraints, n_draws, seed)
    roles, target = roles or Roles(), dict(target or {})
    table = runs if isinstance(runs, GivenTable) else GivenTable.of(runs)
    frame = only_where(table.frame, options.where)
    if _wants_prior(prior, frame, roles, options):
        return _with_prior(table, frame, roles, options, target)
    choice = _choice(frame, roles, options)
    profiles = Profiles.of(choice.leading, profile)
    result = FitResult(
        **_names(choice, roles),
        target=target,
        assumes=choice.selection.assumes,
        statuses=_statuses(frame, roles, target, choice, profiles),
        beyond=choice.beyond(),
        **provenance.coverage(choice.selection, choice.leading),
        **_noise(choice),
        **_draws(choice, n_draws, seed),
        **_held_out(choice),
        about=_about(table, frame, roles, options, choice, profiles),
    )
    return with_laws_at_target(conditioned(result, choice.selection, seed), choice)


def _wants_prior(prior: str | None, frame: pd.DataFrame, roles: Roles, options: _Options) -> bool:
    """Whether studies are to speak: where that is asked for, or the runs are few."""
    if prior not in (None, "published", "none"):
        raise ConfigError(f"'{prior}' is no prior; give published or none (--prior).")
    if prior == "published" and (options.constraints or options.law not in (None, LAW)):
        raise ConfigError(
            f"The published prior is one of the law '{LAW}' without constraints; leave out --law "
            "and --constrain, or fit with --prior none."
        )
    by_default = options.law is None and not options.constraints and has_few_runs(frame, roles)
    return prior == "published" or (prior is None and by_default)


def _with_prior(
    table: GivenTable,
    frame: pd.DataFrame,
    roles: Roles,
    options: _Options,
    target: Mapping[str, float],
) -> FitResult:
    """The fit of few runs under the published prior."""
    few = fit_few_runs(
        frame, roles, options.eval_sets or None, options.mix, options.n_draws, options.seed
    )
    of_table = _table_errors(examine(frame, roles, target), roles)
    few.fields["statuses"] = (*of_table, *few.fields["statuses"])
    return FitResult(
        law=LAW,
        eval_sets=tuple(few.selection.rows),
        domain_set=roles.domain_set,
        general_set=roles.general_set,
        general_sets=roles.general_sets,
        target=target,
        assumes=few.selection.assumes,
        **few.fields,
        about={
            "source": table.source,
            "data_sha256": table.sha256,
            "options": asdict(options),
            "versions": provenance.versions(),
            "checklist": few.selection.checklist,
            **facts(frame, roles),
        },
    )


def _provided(law: str | Law | None) -> str | None:
    """The name of a law, which is made known if it is given itself."""
    if isinstance(law, Law):
        laws.provide(law)
        return law.name
    return law


def _names(choice: Choice, roles: Roles) -> dict[str, Any]:
    """Which law was fitted to which eval sets, and what these stand for."""
    return {
        "law": choice.law,
        "eval_sets": tuple(choice.leading),
        "domain_set": roles.domain_set,
        "general_set": roles.general_set,
        "general_sets": roles.general_sets,
    }


def _statuses(
    frame: pd.DataFrame,
    roles: Roles,
    target: Mapping[str, float],
    choice: Choice,
    profiles: Profiles,
) -> tuple[Status, ...]:
    """Every status of the table, its rows, the laws and the profiles, worst first."""
    of_rows_and_laws = diagnostics.of_selection(choice.selection, choice.fits, target)
    findings = examine(frame, roles, target)
    of_table = _table_errors(findings, roles)
    is_short = any(finding.code == "short-runs" for finding in findings)
    tried = short_runs_hurt(choice.selection, choice.leading) if is_short else []
    of_held_out = [
        status
        for name, by_split in choice.forecasts.items()
        for status in diagnostics.of_forecasts(
            choice.selection.rows[name], by_split, name, "" if choice.compared else choice.law
        )
    ]
    return diagnostics.ordered(
        [*of_table, *of_rows_and_laws, *of_held_out, *tried, *profiles.statuses]
    )


def _about(
    table: GivenTable,
    frame: pd.DataFrame,
    roles: Roles,
    options: _Options,
    choice: Choice,
    profiles: Profiles,
) -> dict[str, Any]:
    """How the fit was made: table, options, versions, solution, facts of the table."""
    return {
        "source": table.source,
        "data_sha256": table.sha256,
        "options": asdict(options),
        "versions": provenance.versions(),
        **_solution(choice, profiles),
        **facts(frame, roles),
    }


def _table_errors(findings: Sequence[Finding], roles: Roles) -> list[Status]:
    """The doctor's errors as statuses, so that they are shown with every answer of this fit."""
    return [
        Status(_error_code(finding, roles), f"{finding.what} {finding.effect}")
        for finding in findings
        if finding.severity == "error"
    ]


def _error_code(finding: Finding, roles: Roles) -> str:
    """``MEANINGLESS`` where the losses of the domain or general eval sets can be no losses."""
    of_roles = {roles.domain_set, *roles.general_sets} & set(finding.eval_sets)
    return MEANINGLESS if finding.code in MEANINGLESS_LOSSES and of_roles else DOCTOR_ERROR


def _choice(frame: pd.DataFrame, roles: Roles, options: _Options) -> Choice:
    """One law by name, a stack of those named (``A,B``), or of all (``auto``, the default)."""
    if options.law is None:
        return _default_choice(frame, roles, options)
    law, eval_sets = options.law, options.eval_sets or None
    names = [name.strip() for name in law.split(",")]
    if law != AUTO and len(names) == 1:
        return single_law(frame, laws.load(law), roles, eval_sets, options.mix, options.constraints)
    if options.constraints:
        raise ConfigError("Constraints belong to one law; name it with --law, not a stack.")
    return auto(frame, roles, eval_sets, options.mix, None if law == AUTO else names)


def _default_choice(frame: pd.DataFrame, roles: Roles, options: _Options) -> Choice:
    """The stack, or, where a table is too small to compare laws on, the best known one alone."""
    alone = replace(options, law="dcpt" if corpora_of(frame) else "chinchilla")
    if options.constraints:
        return _choice(frame, roles, alone)
    try:
        return _choice(frame, roles, replace(options, law=AUTO))
    except FitError as error:
        choice = _choice(frame, roles, alone)
        text = f"'{alone.law}' was fitted alone. {error}"
        selection = choice.selection
        statuses = (*selection.statuses, Status("laws-not-compared", text))
        return replace(choice, selection=replace(selection, statuses=statuses))


def _noise(choice: Choice) -> dict[str, Any]:
    """Spread of the residuals, and between replicates."""
    rows = choice.selection.rows
    return {
        "sigma": {name: fit.residual_std for name, fit in choice.leading.items()},
        "seed_std": {name: noises.seed_std(of_set) for name, of_set in rows.items()},
    }


def _draws(choice: Choice, n_draws: int, seed: int) -> dict[str, Any]:
    """Members of the laws and of the base law; draw k of all laws is the same resampled sweep.

    The base law is resampled by a seed of its own: its rows belong to no run.

    Beside them stand the standard draws that predictions are spread by.
    """
    plan = Plan.draw(n_draws, choice.n_trunks, seed)
    return {
        "stack": {
            name: tuple(
                member
                for law, fit in fits.items()
                for member in fit.members(plan, choice.weights[name][law])
            )
            for name, fits in choice.fits.items()
        },
        "standard": draw_standard(
            n_draws,
            {
                name: [choice.weights[name][law] for law in fits]
                for name, fits in choice.fits.items()
            },
            seed,
        ),
        "base_stack": {
            name: fit_base(rows, n_draws, seed + 1) for name, rows in choice.selection.base.items()
        },
    }


def _held_out(choice: Choice) -> dict[str, Any]:
    """Errors on held-out rows: of the law or the stack, of the baseline, of every law compared."""
    scores = {name: held_out.held_out(by_split) for name, by_split in choice.forecasts.items()}
    naive = {name: held_out.baseline(rows) for name, rows in choice.selection.rows.items()}
    return {
        "scores": {name: held_out.document(by_split) for name, by_split in scores.items()},
        "baseline": {name: held_out.document(by_split) for name, by_split in naive.items()},
        "law_scores": compared_document(choice),
        "held_out_rows": {
            name: held_out.rows_document(choice.selection.rows[name], by_split)
            for name, by_split in choice.forecasts.items()
        },
    }


def _solution(choice: Choice, profiles: Profiles) -> dict[str, Any]:
    """How the heaviest law of every eval set was fitted, and how well its parameters are known."""
    leading = choice.leading
    return {
        "checklist": provenance.checklist(choice.selection, leading),
        "standard_errors": {name: standard_errors(fit) for name, fit in leading.items()},
        "profiles": profiles.intervals,
    }
