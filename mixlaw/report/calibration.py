"""Predicted against measured: does the law describe the proxies it was fitted to?"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mixlaw.quantities import format_quantity
from mixlaw.report.style import MARKERS, new_figure, ratio_bar, ratio_color
from mixlaw.result.fit_result import FitResult


def predicted_against_measured(fit: FitResult, points: pd.DataFrame) -> Figure:
    """One panel per eval set: measured loss across, predicted loss up, with 90% intervals.

    Args:
        fit: the fit.
        points: measured rows from ``mixlaw.report.points.measured``.
    """
    figure, axes = new_figure(1, len(fit.eval_sets), width=3.6)
    sizes = sorted(points["n_params"].unique())
    for axis, eval_set in zip(axes[0], fit.eval_sets, strict=True):
        here = points[(points["eval_set"] == eval_set) & points["fitted"]]
        for size, marker in zip(sizes, np.resize(MARKERS, len(sizes)), strict=True):
            group = here[here["n_params"] == size]
            colors = [ratio_color(ratio) for ratio in group["domain_ratio"]]
            error = np.abs(group[["low", "high"]].to_numpy() - group[["predicted"]].to_numpy()).T
            axis.errorbar(
                group["loss"], group["predicted"], error, fmt="none", ecolor="0.7", linewidth=0.8
            )
            axis.scatter(
                group["loss"], group["predicted"], c=colors, marker=str(marker), s=18, zorder=3,
                label=format_quantity(size),
            )  # fmt: skip
        ends = [here[["loss", "predicted"]].min().min(), here[["loss", "predicted"]].max().max()]
        axis.plot(ends, ends, color="0.3", linewidth=0.8, zorder=1)
        misfit = float(np.sqrt(np.mean((here["predicted"] - here["loss"]) ** 2)))
        axis.set_title(f"{eval_set}: root mean square error {misfit:.3f} nats", fontsize=9)
        axis.set_xlabel("measured loss (nats per token)")
        axis.set_ylabel("predicted loss (nats per token)")
    axes[0][0].legend(title="parameters", fontsize=8, title_fontsize=8, loc="upper left")
    figure.suptitle("Rows that were fitted: the fit's own view of its error", fontsize=10)
    ratio_bar(figure, axes)
    return figure
