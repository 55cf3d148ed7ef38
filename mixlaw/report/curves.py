"""Losses against tokens: one panel per eval set and size, one colour per domain ratio."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixlaw.quantities import format_quantity
from mixlaw.report.points import predict_like
from mixlaw.report.style import count_axis, new_figure, ratio_bar, ratio_color, spread
from mixlaw.result.fit_result import FitResult

#: More sizes than this do not fit on a page; the smallest, the largest and those between are shown.
MAX_SIZES = 4


def loss_curves(fit: FitResult, points: pd.DataFrame) -> Figure:
    """Measured losses and the fitted curves with their 90% bands.

    Args:
        fit: the fit.
        points: measured rows from ``mixlaw.report.points.measured``.
    """
    sizes = spread(sorted(points["n_params"].unique()), MAX_SIZES)
    figure, axes = new_figure(len(fit.eval_sets), len(sizes), sharex=True, sharey="row")
    for row, eval_set in zip(axes, fit.eval_sets, strict=True):
        for axis, size in zip(row, sizes, strict=True):
            here = points[(points["eval_set"] == eval_set) & (points["n_params"] == size)]
            for _, group in here.groupby("domain_ratio"):
                _draw_ratio(axis, fit, group)
            count_axis(axis.xaxis, here["tokens"].tolist())
        row[0].set_ylabel(f"{eval_set} loss (nats per token)")
    for axis, size in zip(axes[0], sizes, strict=True):
        axis.set_title(f"{format_quantity(size)} parameters", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("CPT tokens")
    left_out = "" if points["fitted"].all() else "; hollow: left out of the fit"
    figure.suptitle(f"Held-out loss and the {fit.law} law (90% bands{left_out})", fontsize=10)
    ratio_bar(figure, axes)
    return figure


def _draw_ratio(axis: Axes, fit: FitResult, group: pd.DataFrame) -> None:
    first = group.iloc[0]
    color = ratio_color(float(first["domain_ratio"]))
    face = color if first["fitted"] else "none"
    axis.plot(
        group["tokens"], group["loss"], "o", color=color, markerfacecolor=face, markersize=3.5,
        zorder=3,
    )  # fmt: skip
    if not first["fitted"]:
        return
    tokens = np.geomspace(group["tokens"].min(), group["tokens"].max(), 40)
    curve = predict_like(fit, first, tokens)
    low, high = curve.interval(0.9)
    axis.plot(tokens, curve.estimate, color=color, linewidth=1.2)
    axis.fill_between(tokens, low, high, color=color, alpha=0.15, linewidth=0)
