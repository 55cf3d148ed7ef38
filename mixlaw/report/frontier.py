"""The trade-off: domain loss against general loss as the domain ratio goes from 0 to 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixlaw.quantities import format_factor, format_quantity
from mixlaw.recommend.mixture_path import MixturePath
from mixlaw.recommend.question import Question
from mixlaw.report.style import VERMILLION, new_figure, ratio_bar, ratio_color
from mixlaw.result.fit_result import FitResult
from mixlaw.result.types import Array, Prediction

#: The band ends where fewer than this part of the draws reach. Conventional.
_LEAST_SAID = 0.5


def frontier(
    fit: FitResult, points: pd.DataFrame, recommendation: Mapping[str, Any] | None
) -> Figure:
    """Left: the largest proxies, measured and fitted. Right: the target, with its recommendation.

    Args:
        fit: the fit; it must have a domain and a general set.
        points: measured rows from ``mixlaw.report.points.measured``.
        recommendation: the document of ``recommendation.json``; without it only the left panel.
    """
    figure, axes = new_figure(1, 1 if recommendation is None else 2, width=4.0)
    _draw_proxies(axes[0][0], fit, points)
    if recommendation is not None:
        _draw_target(axes[0][1], fit, recommendation)
    for axis in axes[0]:
        axis.set_xlabel(f"{fit.general_set} loss (nats per token)")
        axis.set_ylabel(f"{fit.domain_set} loss (nats per token)")
    ratio_bar(figure, axes)
    return figure


def _draw_proxies(axis: Axes, fit: FitResult, points: pd.DataFrame) -> None:
    size = points["n_params"].max()
    here = points[points["n_params"] == size]
    tokens = here["tokens"].max()
    here = here[here["tokens"] == tokens]
    wide = here.pivot_table(index="domain_ratio", columns="eval_set", values="loss")
    colors = [ratio_color(float(ratio)) for ratio in wide.index]
    axis.scatter(wide[fit.general_set], wide[fit.domain_set], c=colors, s=26, zorder=3)
    _draw_curve(axis, *_along(fit, float(size), float(tokens)))
    axis.set_title(
        f"measured: {format_quantity(size)} parameters, {format_quantity(tokens)} tokens",
        fontsize=9,
    )


def _draw_target(axis: Axes, fit: FitResult, recommendation: Mapping[str, Any]) -> None:
    target = recommendation["target"]
    n_params, tokens = float(target["n_params"]), float(target["tokens"])
    _draw_curve(axis, *_along(fit, n_params, tokens))
    if recommendation["domain_ratio"]["recommended"] is not None:
        _draw_recommended(axis, recommendation)
    else:
        axis.text(
            0.97, 0.95, "no ratio is recommended: the answer says why", color=VERMILLION,
            ha="right", va="top", fontsize=8, transform=axis.transAxes,
        )  # fmt: skip
    far = recommendation["extrapolation"]
    axis.set_title(
        f"predicted: {format_quantity(n_params)} parameters, {format_quantity(tokens)} tokens\n"
        f"({format_factor(far['n_params'])}x the largest size, "
        f"{format_factor(far['tokens'])}x the longest budget)",
        fontsize=9,
    )


def _draw_recommended(axis: Axes, recommendation: Mapping[str, Any]) -> None:
    x, y = recommendation["losses"]["general"], recommendation["losses"]["domain"]
    axis.errorbar(
        x["estimate"], y["estimate"],
        xerr=[[x["estimate"] - x["low"]], [x["high"] - x["estimate"]]],
        yerr=[[y["estimate"] - y["low"]], [y["high"] - y["estimate"]]],
        fmt="*", color=VERMILLION, markersize=13, linewidth=1, zorder=4,
    )  # fmt: skip
    axis.annotate(
        f"recommended {recommendation['domain_ratio']['recommended']:.2f}",
        (x["estimate"], y["estimate"]), (8, 8), textcoords="offset points", color=VERMILLION,
    )  # fmt: skip


def _draw_curve(axis: Axes, ratios: Array, general: Prediction, domain: Prediction) -> None:
    """The curve with its band: at every general loss, the 90% interval of the domain loss there."""
    axis.fill_between(*_band(general, domain), color="0.5", alpha=0.2, linewidth=0, zorder=0)
    axis.plot(general.estimate, domain.estimate, color="0.4", linewidth=1, zorder=1)
    for i in range(0, len(ratios), len(ratios) // 10):
        axis.plot(
            general.estimate[i], domain.estimate[i], ".", color=ratio_color(ratios[i]), zorder=2
        )


def _band(general: Prediction, domain: Prediction) -> tuple[Array, Array, Array]:
    """General losses of the curve, and the interval of the domain loss at them.

    The k-th draw is a curve of its own; at a general loss that it does not reach it has no say.
    """
    order = np.argsort(general.estimate)
    at = general.estimate[order]
    curves = np.stack(
        [
            np.interp(at, np.maximum.accumulate(x), y, left=np.nan, right=np.nan)
            for x, y in zip(general.draws, domain.draws, strict=True)
        ]
    )
    said = np.isfinite(curves).mean(axis=0) >= _LEAST_SAID
    if not said.any():  # too wide for any general loss to be reached by most draws
        return at[said], at[said], at[said]
    low, high = np.nanquantile(curves[:, said], [0.05, 0.95], axis=0)
    return at[said], low, high


def _along(fit: FitResult, n_params: float, tokens: float) -> tuple[Array, Prediction, Prediction]:
    """The ratios at which the laws are valid, and general and domain loss along them."""
    question = Question(fit, n_params, tokens, MixturePath.of(fit))
    ratios = question.ratios
    return ratios, question.general(ratios), question.domain(ratios)
