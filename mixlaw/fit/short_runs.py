"""Whether short runs hurt the forecasts of this table: tried by holding its longest runs out.

Runs below ten tokens a parameter may lie in the early bend of the curve, or may not: on published
tables leaving them out made forecasts better here and 1.7 to 2.5 times worse there. So nobody is
told to before the table itself has shown it.
"""

from collections.abc import Mapping

from mixlaw.doctor.design import SHORT
from mixlaw.fit.held_out import N_POLISH, N_STARTS, Score, forecast, splits
from mixlaw.fit.law_fit import LawFit
from mixlaw.fit.row_fit import Settings
from mixlaw.fit.selection import Rows, Selection
from mixlaw.fit.solver.search import REFIT_STEPS
from mixlaw.result.types import Status

#: The error without short runs is below this part of that with them, by at least the second number
#: (relative), before they are said to hurt. Conventional.
BETTER, AT_LEAST = 0.8, 1e-3
#: Rows that must be left to fit a law to, beside its parameters.
LEFT = 4


def short_runs_hurt(selection: Selection, leading: Mapping[str, LawFit]) -> list[Status]:
    """A status for every eval set whose longest runs are forecast better without short runs.

    Args:
        selection: the fitted rows.
        leading: the law that leads on each eval set.
    """
    settings = Settings(
        selection.corpora, n_starts=N_STARTS, n_polish=N_POLISH, max_steps=REFIT_STEPS
    )
    found = ((name, _errors(selection.rows[name], fit, settings)) for name, fit in leading.items())
    return [
        Status(
            "short-runs-hurt",
            f"Without runs below {SHORT:.0f} tokens per parameter the longest runs of '{name}' are "
            f"forecast with an error of {without:.2%} instead of {with_all:.2%}: try --where "
            f"'tokens/n_params>={SHORT:.0f}'.",
            name,
            leading[name].law.name,
        )
        for name, (with_all, without) in found
        if without < BETTER * with_all and with_all - without > AT_LEAST
    ]


def _errors(rows: Rows, fit: LawFit, settings: Settings) -> tuple[float, float]:
    """Errors on the longest budgets with all shorter runs and without the short ones, or nan."""
    mask = splits(rows).get("longest-budget")
    short = rows.x["D"] / rows.x["N"] < SHORT
    nothing = (float("nan"), float("nan"))
    if mask is None or not (short & ~mask).any() or (short & mask).any():
        return nothing
    kept = ~short | mask
    if int((kept & ~mask).sum()) < len(fit.law.expand(settings.corpora)) + LEFT:
        return nothing
    scores = [
        Score.of(tried.predicted, tried.measured)
        for tried in (
            forecast(fit.law, rows, mask, settings),
            forecast(fit.law, rows.where(kept), mask[kept], settings),
        )
    ]
    return (scores[0].error, scores[1].error) if min(s.n for s in scores) else nothing
