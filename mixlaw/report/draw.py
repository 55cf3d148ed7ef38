"""All figures of a fit, drawn into its folder."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mixlaw.errors import DataError
from mixlaw.files import write_atomic_with
from mixlaw.fit.selection import GivenTable
from mixlaw.recommend.recommendation import SCHEMA
from mixlaw.report.calibration import predicted_against_measured
from mixlaw.report.curves import loss_curves
from mixlaw.report.frontier import frontier
from mixlaw.report.points import measured
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
    runs = runs or Path(str(fit.about.get("source") or ""))
    if not runs.is_file():
        raise DataError(f"The runs table of this fit is not at '{runs}'; give it with --runs.")
    table = GivenTable.of(runs)
    points = measured(fit, table.frame)
    if points.empty:
        raise DataError(
            f"'{runs}' has no rows of {', '.join(fit.eval_sets)}; give the fit's table."
        )
    # A fit of a table in memory has no file to compare with.
    if fit.about.get("source") and table.sha256 != fit.about.get("data_sha256"):
        say(
            f"'{runs}' is not the table that this fit was made from, or has changed since: the "
            "points are its rows, the curves are the fit's."
        )
    figures = {
        "losses": loss_curves(fit, points),
        "predicted-measured": predicted_against_measured(fit, points),
    }
    if {fit.domain_set, fit.general_set} <= set(fit.eval_sets):
        figures["frontier"] = frontier(fit, points, _recommendation(fit_folder))
    written = []
    for name, figure in figures.items():
        path = out / f"{name}.png"
        write_atomic_with(path, partial(figure.savefig, dpi=DPI, format="png"))
        written.append(path)
    return written


def _recommendation(folder: Path) -> dict[str, Any] | None:
    path = folder / "recommendation.json"
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise DataError(f"'{path}' is no '{SCHEMA}'; run 'mixlaw recommend' again, or delete it.")
    return document
