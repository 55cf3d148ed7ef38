"""What a fit would have recommended for runs that it did not see, beside what those runs show.

The largest size (or, apart, the longest budgets) is hidden and the rest fitted as before; base rows
stay, as a base can be measured before any run of it. The ratio that this fit recommends for every
hidden cell stands beside the one that the hidden runs show, and beside that of the cell one would
have copied without any law: the next smaller size, or the next shorter budget.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from mixlaw.errors import ConfigError, DataError, MixlawError, unknown_name
from mixlaw.quantities import format_factor, format_quantity, percent
from mixlaw.recommend.answer import decide
from mixlaw.recommend.measured import Cell, measured_cells, neighbour
from mixlaw.recommend.options import Options, Reference
from mixlaw.recommend.target import question_of
from mixlaw.result.fit_result import FitResult
from mixlaw.roles import Roles

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "mixlaw.validation/1"
Hidden = Literal["n_params", "tokens"]
#: What is hidden, in words: one step of it, and what is needed for one.
_WORDS = {"n_params": ("one size up", "size"), "tokens": ("one budget up", "token budget")}
#: Budgets over this part of the longest are hidden with it, as in held-out errors: checkpoints just
#: before it would give it away.
_LONGEST = 0.5


@dataclass(frozen=True)
class ValidationRow:
    """One hidden cell.

    Attributes:
        n_params: size, a count.
        tokens: budget, a count.
        reference: what the rise is measured against.
        tolerance: allowed rise, nats.
        predicted: ``estimate``, ``low``, ``high`` and ``recommended`` ratio; None where there is
            none.
        measured: critical ratio of the cell's own runs; None where no share keeps the bound.
        baseline: critical ratio of the cell that one would copy; None without one.
        domain_loss_given_up: measured domain loss at the recommended ratio less that at the
            measured one, nats: what caution cost, or, below zero, what a broken bound gained.
    """

    n_params: float
    tokens: float
    reference: str
    tolerance: float
    predicted: Mapping[str, float | None]
    measured: float | None
    baseline: float | None
    domain_loss_given_up: float | None


@dataclass(frozen=True)
class Validation:
    """All hidden cells of one table.

    Attributes:
        hidden: ``n_params`` or ``tokens``.
        rows: the hidden cells, smallest first.
        note: what could not be checked, and why; else empty.
        known: largest size (or longest budget) that was left to be fitted.
    """

    hidden: Hidden
    rows: tuple[ValidationRow, ...] = ()
    note: str = ""
    known: float | None = None

    def document(self) -> dict[str, Any]:
        """The JSON document ``mixlaw.validation/1``."""
        rows = [asdict(row) for row in self.rows]
        return {
            "schema": SCHEMA,
            "hidden": self.hidden,
            "rows": rows,
            "note": self.note,
            "line": self.line(),
        }

    def line(self) -> str:
        """The last cell in a sentence, or why there is none."""
        if not self.rows or self.known is None:
            return self.note
        row, step = self.rows[-1], _WORDS[self.hidden][0]
        reached = row.n_params if self.hidden == "n_params" else row.tokens
        copied = "" if row.baseline is None else f" (copying: {_share(row.baseline)})"
        return (
            f"On your data, {step} ({format_quantity(self.known)} to {format_quantity(reached)}, "
            f"{format_factor(reached / self.known)} times), at {row.tolerance:.3g} nats over the "
            f"{row.reference}: predicted {_predicted(row)}, measured {_share(row.measured)}"
            f"{copied}."
        )


def validate_fit(fit: FitResult, hidden: Hidden = "n_params", **options: Any) -> Validation:
    """Validate on the table that a fit was made from.

    Args:
        fit: a fit that was made from a file.
        hidden: what to hide.
        options: as those of ``validate_runs``.

    Raises:
        DataError: the table is not there any more, or has changed.
    """
    from mixlaw.fit.selection import GivenTable

    source = fit.about.get("source", "")
    if not source or not Path(source).is_file():
        raise DataError(
            f"The table of this fit ('{source or 'in memory'}') is not there; give the runs table "
            "itself: mixlaw validate RUNS.csv."
        )
    table = GivenTable.of(source)
    if table.sha256 != fit.about.get("data_sha256"):
        raise DataError(f"'{source}' has changed since it was fitted; run 'mixlaw fit' again.")
    roles = Roles(
        fit.domain_set,
        fit.general_sets or {fit.general_set: 1.0},
        tuple(fit.domain_corpora) or ("domain",),
        dict(fit.own),
    )
    made, kept = fit.about.get("options", {}), ("law", "where", "mix", "constraints")
    as_before = {name: made[name] for name in kept if name in made}
    return validate_runs(table.frame, hidden, roles=roles, fit_options=as_before, **options)


def validate_runs(
    runs: "pd.DataFrame",
    hidden: Hidden = "n_params",
    *,
    roles: Roles | None = None,
    fit_options: Mapping[str, Any] | None = None,
    max_general_rise: float | str | None = None,
    risk: float = 0.1,
    reference: Reference = "base",
) -> Validation:
    """Validate on a runs table.

    Args:
        runs: a validated table.
        hidden: ``n_params``: the largest size; ``tokens``: the longest budgets.
        roles: which eval sets and corpora are the domain and the general.
        fit_options: of ``fit_laws``: law, where, mix, constraints.
        max_general_rise: allowed rise of the general loss, as in a recommendation.
        risk: allowed probability of breaking it.
        reference: ``base`` or ``control``.

    Raises:
        ConfigError: an option is out of its range.
        DataError: the table cannot be used.
    """
    from mixlaw.fit.api import fit_laws
    from mixlaw.runs.views import only_where

    if hidden not in get_args(Hidden):
        raise ConfigError(unknown_name("column to hide", hidden, get_args(Hidden)))
    roles, fit_options = roles or Roles(), dict(fit_options or {})
    runs = only_where(runs, fit_options.pop("where", {}))
    options = Options(
        n_params=1e9, max_general_rise=max_general_rise, risk=risk, reference=reference
    )
    cells = [cell for cell in measured_cells(runs, roles) if cell.can_answer(reference)]
    mask = _hidden_rows(runs, hidden)
    held = [cell for cell in cells if _is_hidden(cell, runs[mask], hidden)]
    if not mask.any() or not held:
        return Validation(hidden, note=_nothing_to_check(bool(mask.any()), hidden, reference))
    try:
        fit = fit_laws(runs[~mask], roles=roles, **fit_options)
    except MixlawError as error:
        step = _WORDS[hidden][0]
        return Validation(hidden, note=f"Nothing could be checked {step} on your data: {error}")
    shown = [cell for cell in cells if cell not in held]
    rows = tuple(_row(fit, cell, shown, hidden, options) for cell in held)
    known = runs.loc[~mask & (runs["tokens"] > 0), hidden].max()
    return Validation(hidden, rows, known=float(known))


def _hidden_rows(runs: "pd.DataFrame", hidden: Hidden) -> "pd.Series[bool]":
    """Mask of the trained rows to hide; all False where they would be all trained rows."""
    trained = runs["tokens"] > 0
    values = runs.loc[trained, hidden]
    least = values.max() * (0.999 if hidden == "n_params" else _LONGEST * 1.001)
    mask: pd.Series[bool] = trained & (runs[hidden] >= least)
    return mask if mask.sum() < trained.sum() else trained & ~trained


def _is_hidden(cell: Cell, rows: "pd.DataFrame", hidden: Hidden) -> bool:
    """Whether a cell is among the hidden rows; of hidden budgets, the longest only."""
    if hidden == "n_params":
        return bool(np.isclose(cell.n_params, rows["n_params"].max()))
    return bool(np.isclose(cell.tokens, rows["tokens"].max()))


def _nothing_to_check(any_rows: bool, hidden: Hidden, reference: str) -> str:
    step, needed = _WORDS[hidden]
    if any_rows:
        lacking = "its base's general loss" if reference == "base" else "a run of share 0"
        return (
            f"Nothing could be checked {step} on your data: no hidden cell has {lacking} and three "
            "shares."
        )
    return (
        f"Nothing could be checked {step} on your data: it has one {needed}; how far the answer "
        f"holds beyond it is not known."
    )


def _row(
    fit: FitResult, cell: Cell, shown: list[Cell], hidden: Hidden, options: Options
) -> ValidationRow:
    options = replace(options, n_params=cell.n_params, tokens=cell.tokens)
    question = question_of(fit, options)
    verdict = decide(question, options)
    bound = float(question.allowed_rise(options.bound).estimate[0])
    low, high = verdict.interval()
    measured = cell.critical_ratio(bound, options.reference)
    copied = neighbour(cell, shown, hidden)
    return ValidationRow(
        n_params=cell.n_params,
        tokens=cell.tokens,
        reference=options.reference,
        tolerance=bound,
        predicted={
            "estimate": verdict.estimate,
            "low": low,
            "high": high,
            "recommended": verdict.recommended,
        },
        measured=measured,
        baseline=None if copied is None else copied.critical_ratio(bound, options.reference),
        domain_loss_given_up=_given_up(cell, verdict.recommended, measured),
    )


def _given_up(cell: Cell, recommended: float | None, measured: float | None) -> float | None:
    if recommended is None or measured is None or not np.isfinite(cell.domain).all():
        return None
    within = min(max(recommended, float(cell.ratios[0])), float(cell.ratios[-1]))
    return cell.domain_at(within) - cell.domain_at(measured)


def _share(ratio: float | None) -> str:
    return "no share" if ratio is None else percent(ratio)


def _predicted(row: ValidationRow) -> str:
    ratio = row.predicted
    low, high = ratio["low"] or 0.0, ratio["high"] or 0.0
    return f"{_share(ratio['estimate'])} ({percent(low)} to {percent(high)})"
