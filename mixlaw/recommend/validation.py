"""What a fit would have recommended for runs that it did not see, beside what those runs show.

The ratio that the fit without them recommends for every hidden cell stands beside the one that the
hidden runs show, and beside that of the cell one would have copied without any law: the next
smaller size, or the next shorter budget. One fit answers for every bound, risk and reference.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixlaw.errors import MixlawError
from mixlaw.quantities import format_factor, format_quantity, percent
from mixlaw.recommend import rules
from mixlaw.recommend.answer import decide
from mixlaw.recommend.options import Options, Reference
from mixlaw.recommend.target import question_of
from mixlaw.recommend.withheld import WORDS, Hidden, Withheld, nothing_checked
from mixlaw.result.fit_result import FitResult
from mixlaw.roles import Roles
from mixlaw.runs.cells import Cell

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "mixlaw.validation/1"


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
        row, step = self.rows[-1], WORDS[self.hidden][0]
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
    return held_against(Withheld.of_fit(fit, hidden), **options)


def validate_runs(
    runs: "pd.DataFrame",
    hidden: Hidden = "n_params",
    *,
    roles: Roles | None = None,
    fit_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Validation:
    """Validate on a runs table.

    Args:
        runs: a validated table.
        hidden: ``n_params``: the largest size; ``tokens``: the longest budgets.
        roles: which eval sets and corpora are the domain and the general.
        fit_options: of ``fit_laws``: law, where, mix, constraints.
        options: as those of ``held_against``.

    Raises:
        ConfigError: an option is out of its range.
        DataError: the table cannot be used.
    """
    asked(**options)
    return held_against(Withheld.of_runs(runs, hidden, roles or Roles(), fit_options), **options)


def of_recommendation(fit: FitResult, options: Options) -> Mapping[str, Any]:
    """The validation that was kept with a fit, for the bound, risk and reference asked.

    A rule that keeps no bound is accompanied by that of the default question.
    """
    withheld = Withheld.stored(fit)
    if withheld is None:
        return fit.validation
    keeps = rules.load(options.rule).keeps_bound(options)
    names = ("max_general_rise", "risk", "reference")
    question = {name: getattr(options, name) for name in names} if keeps else {}
    return _held_against_or_note(withheld, question).document()


def validate_saved(fit: FitResult, folder: Path) -> Validation:
    """Validate a fit that was just saved, and keep that beside it; done once for one key.

    Where nothing can be checked the validation says so.
    """
    try:
        withheld = Withheld.of_fit(fit)
    except MixlawError as error:
        withheld = Withheld("n_params", note=nothing_checked("n_params", str(error)))
    result = _held_against_or_note(withheld, {})
    if "key" not in fit.validation:
        withheld.save(result.document(), folder, fit)
    return result


def _held_against_or_note(withheld: Withheld, question: Mapping[str, Any]) -> Validation:
    """``held_against``, or, where the fit without the hidden cells cannot answer, why."""
    try:
        return held_against(withheld, **question)
    except MixlawError as error:
        return Validation(withheld.hidden, note=nothing_checked(withheld.hidden, str(error)))


def asked(
    *,
    max_general_rise: float | str | None = None,
    risk: float = 0.1,
    reference: Reference = "base",
) -> Options:
    """The question that hidden cells are asked.

    Args:
        max_general_rise: allowed rise of the general loss, as in a recommendation.
        risk: allowed probability of breaking it.
        reference: ``base`` or ``control``.

    Raises:
        ConfigError: an option is out of its range.
    """
    return Options(n_params=1e9, max_general_rise=max_general_rise, risk=risk, reference=reference)


def held_against(withheld: Withheld, **options: Any) -> Validation:
    """What the fit without the hidden cells says of them; ``options`` are those of ``asked``.

    Raises:
        ConfigError: an option is out of its range.
    """
    question, hidden = asked(**options), withheld.hidden
    if withheld.note:
        return Validation(hidden, note=withheld.note)
    known = [pair for pair in withheld.cells if pair[0].can_answer(question.reference)]
    if withheld.fit is None or not known:
        base = question.reference == "base"
        lacking = "its base's general loss" if base else "a run of share 0"
        why = f"no hidden cell has {lacking} and three shares."
        return Validation(hidden, note=nothing_checked(hidden, why))
    rows = tuple(_row(withheld.fit, cell, copied, question) for cell, copied in known)
    return Validation(hidden, rows, known=withheld.known)


def _row(fit: FitResult, cell: Cell, copied: Cell | None, options: Options) -> ValidationRow:
    options = replace(options, n_params=cell.n_params, tokens=cell.tokens)
    question = question_of(fit, options)
    verdict = decide(question, options)
    bound = float(question.allowed_rise(options.bound).estimate[0])
    low, high = verdict.interval()
    measured = cell.critical_ratio(bound, options.reference)
    can_copy = copied is not None and copied.can_answer(options.reference)
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
        baseline=copied.critical_ratio(bound, options.reference) if copied and can_copy else None,
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
