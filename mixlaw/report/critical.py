"""The critical share against size and against budget: where the answer comes from, and goes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mixlaw.quantities import SAME_LEVEL, format_quantity
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question, difference
from mixlaw.recommend.rules.crossing import critical_ratios
from mixlaw.recommend.verdict import ratio_interval
from mixlaw.report.style import LINES, MARKERS, VERMILLION, count_axis, new_figure, spread
from mixlaw.result.types import Array
from mixlaw.runs.cells import Cell

#: Sizes and budgets at which a line is computed.
_POINTS = 12
#: Lines of a panel, beside the target's: more than these cannot be told apart.
_LINES = 3
#: Of the points of the ratio axis, every so many-th: crossings are linear between them.
_EVERY = 4


@dataclass(frozen=True)
class _Line:
    """Critical shares along one axis, by its value."""

    at: Array
    estimate: Array
    low: Array
    high: Array


def critical(question: Question, options: Options, cells: Sequence[Cell]) -> Figure:
    """Left against size, a line a budget; right against budget, a line a size.

    Lines end where no law reaches. Markers are critical shares of measured cells, of which those
    without any allowed share stand at zero.

    Args:
        question: a fit asked at one target.
        options: the bound.
        cells: measured cells.
    """
    figure, axes = new_figure(1, 2, width=4.4, sharey=True)
    panels = (
        ("n_params", "tokens", "model size (parameters)", "tokens"),
        ("tokens", "n_params", "CPT tokens", "parameters"),
    )
    bound = float(question.allowed_rise(options.bound).estimate[0])
    for axis, (along, other, label, unit) in zip(axes[0], panels, strict=True):
        _draw_panel(axis, question, options, cells, along, other, bound)
        axis.set_xlabel(label)
        axis.legend(fontsize=8, title=unit, title_fontsize=8)
    axes[0][0].set_ylabel("critical domain share")
    axes[0][0].yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[0][0].set_ylim(-0.03, 1.03)
    figure.suptitle(
        f"Largest share that keeps the rise within {bound:.3g} nats of the {options.reference}: "
        "lines fitted, marks measured",
        fontsize=10,
    )
    return figure


def _draw_panel(
    axis: Axes,
    question: Question,
    options: Options,
    cells: Sequence[Cell],
    along: str,
    other: str,
    bound: float,
) -> None:
    levels = spread(question.fit.levels[other], _LINES)
    target = getattr(question, other)
    known = any(abs(target / level - 1) < SAME_LEVEL for level in levels)
    values = levels if known else [*levels[1 - _LINES :], target]
    ends = (*question.fit.ranges[along], getattr(question, along))
    axis_values = np.geomspace(min(ends), max(ends), _POINTS)
    for value, color, marker in zip(values, LINES, MARKERS, strict=False):
        line = _line(question.at(**{other: value}), options, along, axis_values)
        is_target = abs(value / target - 1) < SAME_LEVEL
        axis.plot(
            line.at, line.estimate, color=color, linewidth=2 if is_target else 1.2,
            label=f"{format_quantity(value)}{' (target)' if is_target else ''}",
        )  # fmt: skip
        if is_target:
            axis.fill_between(line.at, line.low, line.high, color=color, alpha=0.15, linewidth=0)
        here = [c for c in cells if abs(getattr(c, other) / value - 1) < 2 * SAME_LEVEL]
        shares = [c.critical_ratio(bound, options.reference) or 0.0 for c in here]
        axis.plot(
            [getattr(c, along) for c in here], shares, marker, color=color, markersize=6,
            markeredgecolor="white", zorder=3,
        )  # fmt: skip
    count_axis(axis.xaxis, [*spread(question.fit.levels[along], 4), getattr(question, along)])
    axis.axvline(getattr(question, along), color=VERMILLION, linewidth=0.8, linestyle=":")


def _line(question: Question, options: Options, along: str, values: Array) -> _Line:
    """Critical shares at these values, as far as a law reaches."""
    reached = [q for v in values if not (q := question.at(**{along: float(v)})).why_no_ratio]
    every = [_critical(q, options) for q in reached]
    estimate, low, high = np.array(every, dtype=float).reshape(-1, 3).T
    return _Line(np.array([getattr(q, along) for q in reached]), estimate, low, high)


def _critical(question: Question, options: Options) -> tuple[float, float, float]:
    """Estimate and interval; a share of zero where no share keeps the bound."""
    ratios = question.ratios[::_EVERY]
    excess = difference(question.rise(ratios), question.allowed_rise(options.bound))
    estimate = float(np.nan_to_num(critical_ratios(ratios, excess.estimate[None, :])[0]))
    low, high = ratio_interval(critical_ratios(ratios, excess.draws))
    return estimate, min(low, estimate), max(high, estimate)
