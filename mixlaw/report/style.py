"""How every figure looks: sizes, colours that colour-blind people tell apart, units on axes."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from mixlaw.quantities import format_quantity

#: Sequential and perceptually uniform; made for colour-vision deficiency (Nuñez et al. 2018).
RATIO_MAP = mpl.colormaps["cividis"]
#: Okabe & Ito's blue and vermillion: distinct to all common kinds of colour vision.
BLUE, VERMILLION = "#0072B2", "#D55E00"
#: Where a figure has several lines: the palette's further colours, told apart by lightness too.
LINES = (BLUE, VERMILLION, "#009E73", "#CC79A7")
#: Of what was measured or looked up, beside the fit's colours.
GREY = "#444444"
#: One marker a model size, in the order of the sizes.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
#: Dots per inch of the PNG files. Conventional.
DPI = 150

_RC: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


def new_figure(
    n_rows: int, n_columns: int, *, width: float = 3.2, **options: Any
) -> tuple[Figure, Any]:
    """A figure and its axes, shape (n_rows, n_columns), drawn without a display."""
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(width * n_columns, 2.7 * n_rows + 0.4), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False, **options)
    return figure, axes


def ratio_color(ratio: float) -> Any:
    """Colour of a domain ratio in [0, 1]; the lightest yellows, faint on white, are left out."""
    return RATIO_MAP(0.92 * ratio)


def ratio_bar(figure: Figure, axes: Sequence[Axes] | Any) -> None:
    """The colour bar that explains ``ratio_color``."""
    colors = mpl.colors.ListedColormap([ratio_color(i / 255) for i in range(256)])
    mappable = mpl.cm.ScalarMappable(Normalize(0, 1), colors)
    figure.colorbar(mappable, ax=axes, label="domain ratio", shrink=0.8)


def count_axis(axis: Any, values: Sequence[float]) -> None:
    """Log axis whose ticks are written like people write counts: 50k, 2M, 8B."""
    axis.axes.set_xscale("log") if axis.axis_name == "x" else axis.axes.set_yscale("log")
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(_thinned(sorted(set(values))))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_quantity(value)))


def spread(values: list[float], most: int) -> list[float]:
    """At most ``most`` of the values, evenly from the first to the last."""
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _thinned(values: list[float], apart: float = 1.7) -> list[float]:
    """Values of which neighbours differ by this factor or more, so that labels do not collide."""
    kept: list[float] = []
    for value in values:
        if not kept or value >= kept[-1] * apart:
            kept.append(value)
    return kept
