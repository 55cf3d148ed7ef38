"""Figures of the reference experiment, drawn into docs/ from its committed tables.

``python experiments/figures.py`` in the repository's root.
"""

from pathlib import Path

import pandas as pd
from forward_test import annealed, bases, measured_losses, with_exact_budgets
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixlaw import read_runs
from mixlaw.quantities import format_quantity
from mixlaw.report.style import (
    BLUE,
    DPI,
    VERMILLION,
    count_axis,
    new_figure,
    ratio_bar,
    ratio_color,
)

REFERENCE = Path("experiments/prose-to-code")
DOCS = Path("docs")


def forgetting(runs: pd.DataFrame) -> Figure:
    """Loss over that of the base against tokens: a column per size, a colour per ratio."""
    base, rows = bases(runs), annealed(runs)
    sizes = list(base.index)
    figure, axes = new_figure(2, len(sizes), width=2.3, sharex=True, sharey="row")
    for row, eval_set in zip(axes, ("domain", "general"), strict=True):
        for axis, size in zip(row, sizes, strict=True):
            here = rows[(rows["n_params"] == size) & (rows["eval_set"] == eval_set)]
            for ratio, group in here.groupby("domain_ratio"):
                change = group["loss"] - base.loc[size, eval_set]
                axis.plot(
                    group["tokens"], change, "o-", color=ratio_color(float(ratio)), markersize=3
                )
            count_axis(axis.xaxis, sorted(set(rows["tokens"]))[::2])
            axis.axhline(0, color="0.3", linewidth=0.8)
        row[0].set_ylabel(f"change of {eval_set} loss (nats)")
    for axis, size in zip(axes[0], sizes, strict=True):
        axis.set_title(f"{format_quantity(size)} parameters", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("CPT tokens")
    figure.suptitle("Annealed losses, measured from each size's own base", fontsize=10)
    ratio_bar(figure, axes)
    return figure


def forward(runs: pd.DataFrame, predicted: pd.DataFrame, law: str) -> Figure:
    """What was predicted of the largest size, with 90% bands, and what was measured then."""
    predicted = with_exact_budgets(predicted[predicted["law"] == law], annealed(runs)["tokens"])
    size = float(predicted["n_params"].iloc[0])
    rows = measured_losses(runs, size)
    base = bases(runs).loc[size]
    budgets = sorted(predicted["tokens"].unique())
    figure, axes = new_figure(2, len(budgets), width=2.3, sharex=True, sharey="row")
    for row, eval_set in zip(axes, ("domain", "general"), strict=True):
        for axis, tokens in zip(row, budgets, strict=True):
            _forward_panel(axis, predicted, rows, eval_set, tokens, base[eval_set])
        row[0].set_ylabel(f"change of {eval_set} loss (nats)")
    for axis, tokens in zip(axes[0], budgets, strict=True):
        axis.set_title(f"{format_quantity(tokens)} tokens", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("domain ratio")
    axes[0][0].legend(fontsize=8)
    figure.suptitle(
        f"The forward test: {format_quantity(size)} parameters, predicted by {law} from smaller "
        "sizes and shorter budgets (90% bands)",
        fontsize=10,
    )
    return figure


def _forward_panel(
    axis: Axes,
    predicted: pd.DataFrame,
    rows: pd.DataFrame,
    eval_set: str,
    tokens: float,
    base: float,
) -> None:
    asked = predicted[(predicted["eval_set"] == eval_set) & (predicted["tokens"] == tokens)]
    found = rows[(rows["eval_set"] == eval_set) & (rows["tokens"] == tokens)]
    ratio = asked["domain_ratio"]
    axis.fill_between(
        ratio, asked["low"] - base, asked["high"] - base, color=BLUE, alpha=0.2, linewidth=0
    )
    axis.plot(ratio, asked["predicted"] - base, color=BLUE, label="predicted")
    axis.plot(
        found["domain_ratio"], found["loss"] - base, "o", color=VERMILLION, markersize=4,
        label="measured",
    )  # fmt: skip


def fewer(table: pd.DataFrame) -> Figure:
    """Forward error against the number of runs that were fitted, one line per eval set."""
    figure, axes = new_figure(1, 2, width=3.6)
    for axis, eval_set in zip(axes[0], ("domain", "general"), strict=True):
        here = table[table["eval_set"] == eval_set]
        removed = here[here["removed"].str.contains("runs|nothing")]
        axis.plot(removed["runs"], 100 * removed["error"], ".", color="0.6", label="one removal")
        middle = removed.groupby("runs")["error"].median()
        axis.plot(middle.index, 100 * middle, "o-", color=BLUE, label="median")
        less = here[here["removed"] == "one size"]
        axis.plot(less["runs"], 100 * less["error"], "s", color=VERMILLION, label="one size less")
        axis.axhline(
            100 * here["baseline"].iloc[0], color="0.3", linewidth=0.8, linestyle="--",
            label="next smaller size",
        )  # fmt: skip
        axis.set_title(f"{eval_set} loss", fontsize=9)
        axis.set_xlabel("proxy runs that were fitted")
        axis.set_ylabel("error at the largest size (%)")
        axis.set_ylim(0, 2 * 100 * here["baseline"].iloc[0])
    axes[0][0].legend(fontsize=8)
    return figure


def main() -> None:
    """Draw all of them."""
    runs = read_runs(REFERENCE / "runs.csv")
    predicted = pd.read_csv(REFERENCE / "predictions.csv")
    figures = {
        "reference-forgetting": forgetting(runs),
        "reference-forward": forward(runs, predicted, "auto"),
        "reference-fewer-proxies": fewer(pd.read_csv(REFERENCE / "fewer_proxies.csv")),
    }
    for name, figure in figures.items():
        figure.savefig(DOCS / f"{name}.png", dpi=DPI)


if __name__ == "__main__":
    main()
