"""How a screen sets its text: wrapped lines, columns, losses with their intervals, and emphasis."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mixlaw.result.screen import WIDTH

Emphasis = Literal["", "heading", "good", "unsure", "bad", "faint"]


@dataclass(frozen=True)
class Line:
    """One line of a screen, and how it is shown where a terminal has colours."""

    text: str
    emphasis: Emphasis = ""


def plain(lines: Iterable[Line]) -> str:
    """The lines as text."""
    return "\n".join(line.text for line in lines)


def interval_cells(value: Mapping[str, Any]) -> tuple[str, str]:
    """An estimate in nats and its interval, for two columns."""
    return nats(value["estimate"]), ends(value)


def ends(value: Mapping[str, Any]) -> str:
    """The interval of a value in nats, as text."""
    return f"{nats(value['low'])} to {nats(value['high'])}"


def nats(value: float, digits: int = 4) -> str:
    """Four decimals, but for what no loss can be."""
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}" if abs(value) < 1e6 else f"{value:.3g}"


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


def shortened(text: str, n_lines: int, indent: str = "") -> list[str]:
    """As many sentences, and of the last one clauses, as these lines hold; else it is cut."""
    lines = wrap(text, indent)
    while len(lines) > n_lines:
        shorter = _without_last_clause(text)
        if not shorter:
            return [*lines[: n_lines - 1], lines[n_lines - 1][: WIDTH - 4] + " ..."]
        text = shorter
        lines = wrap(text, indent)
    return lines


def _without_last_clause(text: str) -> str:
    """The text up to its last inner full stop, colon or semicolon; empty if there is none."""
    cut = max(text.rstrip(".").rfind(mark) for mark in (". ", ": ", "; "))
    return f"{text[:cut]}." if cut > 0 else ""
