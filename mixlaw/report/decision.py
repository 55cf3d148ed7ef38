"""The decision in one picture: what the domain share costs the general loss, and what it buys."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mixlaw.quantities import format_quantity, percent
from mixlaw.recommend.answer import decide
from mixlaw.recommend.options import Options
from mixlaw.recommend.question import Question
from mixlaw.recommend.verdict import Verdict
from mixlaw.report.cells import nearest
from mixlaw.report.style import BLUE, GREY, MARKERS, VERMILLION, new_figure
from mixlaw.result.types import Array, Prediction
from mixlaw.runs.cells import Cell

#: The axis of the rise ends at so many times the allowed rise: beyond, nothing is decided.
_HIGHEST = 4.0
#: Letters of a line of text within the figure.
_LETTERS = 60


def decision(question: Question, options: Options, cells: Sequence[Cell] = ()) -> Figure:
    """Above the rise of the general loss against the share, below the domain loss, at the target.

    Args:
        question: a fit asked at one target.
        options: the bound and its risk.
        cells: measured cells; the nearest are drawn.
    """
    verdict = decide(question, options)
    shown = nearest(question, cells)
    figure, axes = new_figure(2 if question.has_domain else 1, 1, width=6.4, sharex=True)
    rise, *below = axes[:, 0]
    _draw_rise(rise, question, options, verdict)
    for cell, marker in zip(shown, MARKERS, strict=False):
        _points(rise, cell, cell.rise(options.reference), marker)
    rise.set_ylabel(f"rise of the general loss over\nthe {options.reference} (nats per token)")
    rise.legend(fontsize=8, loc="upper left")
    for axis in below:
        if not question.why_no_ratio:
            _band(axis, question.ratios, question.domain(question.ratios), BLUE)
            _mark_recommended(axis, verdict)
        for cell, marker in zip(shown, MARKERS, strict=False):
            _points(axis, cell, cell.domain, marker)
        axis.set_ylabel("domain loss\n(nats per token)")
    last = axes[-1, 0]
    last.set_xlabel("domain share of the training tokens")
    last.set_xlim(-0.02, 1.02)  # room for points at the ends
    last.xaxis.set_major_formatter(PercentFormatter(1.0))
    figure.suptitle(_title(question, verdict), fontsize=11)
    return figure


def _title(question: Question, verdict: Verdict) -> str:
    target = (
        f"{format_quantity(question.n_params)} parameters, "
        f"{format_quantity(question.tokens)} tokens"
    )
    if verdict.recommended is not None and verdict.feasible:
        return f"{target}: {percent(verdict.recommended)} domain is recommended"
    if verdict.feasible is False:
        return f"{target}: no share keeps the bound"
    return f"{target}: the data cannot tell the share"


def _draw_rise(axis: Axes, question: Question, options: Options, verdict: Verdict) -> None:
    bound = float(question.allowed_rise(options.bound).estimate[0])
    axis.axhline(bound, color=VERMILLION, linewidth=1.2, linestyle="--")
    axis.annotate(
        f"allowed: {bound:.3g}", (1.0, bound), (-4, 3), textcoords="offset points",
        xycoords=("axes fraction", "data"), ha="right", va="bottom", color=VERMILLION, fontsize=8,
    )  # fmt: skip
    if question.why_no_ratio:
        why = "\n".join(wrap(question.why_no_ratio, _LETTERS))
        axis.text(0.98, 0.04, why, ha="right", va="bottom", fontsize=8, transform=axis.transAxes)
        return
    rise = question.rise(question.ratios)
    _band(axis, question.ratios, rise, BLUE)
    _mark_critical(axis, bound, verdict)
    _mark_recommended(axis, verdict)
    low, high = rise.interval()
    room = _HIGHEST * bound if bound else float(high.max())
    axis.set_ylim(max(float(low.min()), -room), 1.05 * min(float(high.max()), room))


def _mark_critical(axis: Axes, bound: float, verdict: Verdict) -> None:
    """The interval of the critical share, as a bar on the line that it belongs to."""
    low, high = verdict.interval()
    axis.plot([low, high], [bound, bound], color=VERMILLION, linewidth=5, alpha=0.35, zorder=2)
    if verdict.estimate is not None:
        axis.plot(
            verdict.estimate, bound, "o", color=VERMILLION, markersize=7, zorder=5,
            label=f"critical share {percent(verdict.estimate)} ({percent(low)} to {percent(high)})",
        )  # fmt: skip


def _mark_recommended(axis: Axes, verdict: Verdict) -> None:
    if verdict.recommended is not None:
        axis.axvline(
            verdict.recommended, color="black", linewidth=1.4, zorder=4,
            label=f"recommended {percent(verdict.recommended)}",
        )  # fmt: skip


def _band(axis: Axes, ratios: Array, curve: Prediction, color: str) -> None:
    low, high = curve.interval()
    axis.fill_between(ratios, low, high, color=color, alpha=0.18, linewidth=0)
    axis.plot(ratios, curve.estimate, color=color, linewidth=1.8, label="fit, with 90% band")


def _points(axis: Axes, cell: Cell, values: Array, marker: str) -> None:
    label = (
        f"measured: {format_quantity(cell.n_params)} parameters, "
        f"{format_quantity(cell.tokens)} tokens"
    )
    kept = np.isfinite(values)
    axis.plot(
        cell.ratios[kept], values[kept], marker, color="white", markeredgecolor=GREY,
        markeredgewidth=1.4, markersize=6, label=label, zorder=3,
    )  # fmt: skip
