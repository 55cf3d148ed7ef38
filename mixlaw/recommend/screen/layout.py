"""How the screen sets its text: wrapped lines, columns, and losses with their intervals."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

#: Columns of the screen. Conventional: a terminal of 100 columns with a margin.
WIDTH = 96


def interval_cells(value: Mapping[str, Any]) -> tuple[str, str]:
    """An estimate in nats and its interval, for two columns."""
    return _nats(value["estimate"]), ends(value)


def ends(value: Mapping[str, Any]) -> str:
    """The interval of a value in nats, as text."""
    return f"{_nats(value['low'])} to {_nats(value['high'])}"


def _nats(value: float) -> str:
    """Four decimals, but for what no loss can be."""
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(value, 4) + 0.0:.4f}" if abs(value) < 1e6 else f"{value:.3g}"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, every column as wide as its widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def wrap(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    """Text as lines of at most ``WIDTH``; ``hanging`` indents those after the first."""
    following = indent if hanging is None else hanging
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=following, break_on_hyphens=False
    )
