"""Held out: losses that a fit had not seen, as it predicted them and as they were measured."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixlaw.report.style import BLUE, GREY, VERMILLION, new_figure
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Array

#: Splits that are shown, in words, with colour and marker: those that a target may resemble.
_SPLITS = {
    "largest-size": ("the largest size", BLUE, "o"),
    "longest-budget": ("the longest budgets", VERMILLION, "s"),
    "largest-compute": ("the most compute", BLUE, "o"),
}


def has_held_out(fit: FitResult) -> bool:
    """Whether a fit has held-out rows to show."""
    return any(set(_SPLITS) & set(by_split) for by_split in fit.held_out_rows.values())


def held_out(fit: FitResult) -> Figure:
    """One panel an eval set: measured loss across, predicted up, beside the look-up's.

    Args:
        fit: a fit that ``has_held_out``.
    """
    shown = [name for name in fit.eval_sets if set(_SPLITS) & set(fit.held_out_rows.get(name, {}))]
    figure, axes = new_figure(1, len(shown), width=4.2)
    for axis, eval_set in zip(axes[0], shown, strict=True):
        by_split = fit.held_out_rows[eval_set]
        for split, (words, color, marker) in _SPLITS.items():
            if split in by_split:
                _draw_split(axis, by_split[split], words, color, marker)
        low, high = (f(axis.get_xlim() + axis.get_ylim()) for f in (min, max))
        axis.plot([low, high], [low, high], color=GREY, linewidth=0.8, zorder=1)
        axis.set_title(f"{eval_set} loss", fontsize=10)
        axis.set_xlabel("measured (nats per token)")
        axis.set_ylabel("predicted without it (nats per token)")
        axis.legend(
            fontsize=8,
            title_fontsize=8,
            loc="lower right",
            title="hidden from the fit (mean error)",
        )
    figure.suptitle("Losses that the fit had not seen; crosses: those of the next smaller size")
    return figure


def _draw_split(
    axis: Axes, rows: Mapping[str, Sequence[float | None]], words: str, color: str, marker: str
) -> None:
    measured, predicted, looked_up = (
        np.array(rows[name], dtype=float) for name in ("measured", "predicted", "baseline")
    )
    label = f"{words} ({_error(predicted, measured)}; crosses {_error(looked_up, measured)})"
    axis.plot(measured, looked_up, "x", color=color, markersize=5, alpha=0.6, zorder=2)
    axis.plot(
        measured, predicted, marker, color=color, markersize=5, markeredgecolor="white",
        markeredgewidth=0.5, label=label, zorder=3,
    )  # fmt: skip


def _error(said: Array, measured: Array) -> str:
    error = np.abs(said / measured - 1)
    error = error[np.isfinite(error)]
    return f"{100 * error.mean():.2g}%" if len(error) else "none"
