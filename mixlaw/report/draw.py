"""All figures of a fit, drawn into its folder."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from mixlaw.files import write_atomic_with
from mixlaw.quantities import format_quantity
from mixlaw.recommend.target import question_of
from mixlaw.report.asked import asked, last_recommendation
from mixlaw.report.calibration import predicted_against_measured
from mixlaw.report.cells import cells_of
from mixlaw.report.critical import critical
from mixlaw.report.curves import loss_curves
from mixlaw.report.decision import decision
from mixlaw.report.frontier import frontier
from mixlaw.report.held_out import has_held_out, held_out
from mixlaw.report.points import fitted_table, measured
from mixlaw.report.style import DPI
from mixlaw.result.fit_result import FitResult


def draw_figures(
    fit_folder: Path,
    runs: Path | None,
    out: Path,
    say: Callable[[str], None] = lambda message: None,
) -> list[Path]:
    """Draw every figure that this fit has the data for.

    Args:
        fit_folder: folder of the fit; its ``recommendation.json`` is shown where there is one.
        runs: the runs table that the fit was made from; None for where it lay then.
        out: folder for the PNG files; it is made if need be.
        say: called with a sentence if that table is not the one that was fitted, byte for byte.

    Returns:
        The files written.

    Raises:
        DataError: the table has no rows that this fit can predict, or ``recommendation.json`` is
            damaged.
    """
    fit = FitResult.load(fit_folder)
    frame = fitted_table(fit, runs, say)
    points = measured(fit, frame)
    last = last_recommendation(fit_folder)
    figures = {
        **_of_the_question(fit, last, frame, say),
        "losses": loss_curves(fit, points),
        "predicted-measured": predicted_against_measured(fit, points),
    }
    if has_held_out(fit):
        figures["held-out"] = held_out(fit)
    if {fit.domain_set, fit.general_set} <= set(fit.eval_sets):
        figures["frontier"] = frontier(fit, points, last)
    written = []
    for name, figure in figures.items():
        path = out / f"{name}.png"
        write_atomic_with(path, partial(figure.savefig, dpi=DPI, format="png"))
        written.append(path)
    return written


def _of_the_question(
    fit: FitResult,
    last: Mapping[str, Any] | None,
    frame: pd.DataFrame,
    say: Callable[[str], None],
) -> dict[str, Figure]:
    """Figures of the decision; none where the fit knows no rise of a general loss."""
    options, source = asked(fit, last)
    if not fit.corpora or not fit.domain_corpora:
        return {}
    question = question_of(fit, options)
    if not question.knows_rise:
        return {}
    say(
        f"The decision is drawn for {format_quantity(question.n_params)} parameters and "
        f"{format_quantity(question.tokens)} tokens: {source}."
    )
    cells = cells_of(fit, frame, options.reference)
    figures = {"decision": decision(question, options, cells)}
    if len(fit.levels["tokens"]) > 1:
        figures["critical-share"] = critical(question, options, cells)
    return figures
