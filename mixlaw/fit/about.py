"""What a fit says about itself: ranges of its rows, versions, and what papers forget to report."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from mixlaw.fit.rows import Selection
from mixlaw.fit.slices import LawFit, levels
from mixlaw.laws import Array

PACKAGES = ("mixlaw", "numpy", "scipy", "pandas", "lmfit")


def coverage(selection: Selection) -> dict[str, Any]:
    """The fields of ``FitResult`` that say what was fitted: corpora, ranges, levels, rows."""
    settings = _settings(selection)
    ratios = {name: rows.x["R"] for name, rows in selection.rows.items() if "R" in rows.x}
    return {
        "corpora": selection.corpora,
        "domain_corpora": selection.domain_corpora,
        "own": selection.own,
        "ranges": {name: _ends(values) for name, values in settings.items()},
        "levels": {name: levels(values) for name, values in settings.items()},
        "ratio_ranges": {name: _ends(values) for name, values in ratios.items()},
        "rows_used": sum(map(len, selection.rows.values())),
        "rows_left_out": selection.left_out,
    }


def _settings(selection: Selection) -> dict[str, Array]:
    """Values of every setting over all fitted rows, by the names of the runs table."""
    every = list(selection.rows.values())
    size, tokens = (np.concatenate([rows.x[name] for rows in every]) for name in ("N", "D"))
    settings = {"n_params": size, "tokens": tokens, "tokens_per_param": tokens / size}
    settings["compute"] = size * tokens
    for i, corpus in enumerate(selection.corpora):
        settings[f"share.{corpus}"] = np.concatenate([rows.x["h"][i] for rows in every])
    return settings


def _ends(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def versions() -> dict[str, str]:
    """Python and the packages that the numbers come from."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def checklist(selection: Selection, fits: Mapping[str, LawFit]) -> dict[str, object]:
    """What more than half of the papers leave out (arXiv 2502.18969), filled in."""
    parts = {name: fit.parts for name, fit in fits.items()}
    return {
        **selection.checklist,
        "objective": "Huber loss of log residuals, weighted sum",
        "delta": {name: found[0].problem.delta for name, found in parts.items()},
        "objective_value": {
            name: [float(part.solution.objective[0]) for part in found]
            for name, found in parts.items()
        },
        "evaluations": {
            name: [asdict(part.problem.effort) for part in found] for name, found in parts.items()
        },
        "correlation_within_trunks": {
            name: [part.noise.correlation for part in found] for name, found in parts.items()
        },
        "rows": {name: len(rows) for name, rows in selection.rows.items()},
        "trunks": len(selection.trunks),
        "exclusions": selection.left_out,
        "intervals": "resampled residual paths of whole trunks, refitted",
    }
