"""Does the answer agree with what was measured? Every cell of three sweeps; writes ``cells.csv``.

    PYTHONPATH=tests python tests/coverage/cells.py [--law auto] [--table NAME ...]

A cell is one size and budget. It is asked for the critical ratio at two bounds, over the base and
over its own control, twice: with its own rows in the fit, and with its trained rows taken out (the
base row stays). Beside the answer stand the cell's own crossing, interpolated between its shares,
and that of the nearest other cell, which one would copy. Lines are
written as they come; those of tables that are not asked for are kept.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mixlaw import FitResult, fit_laws, read_runs, recommend_ratio
from mixlaw.roles import Roles
from mixlaw.runs.cells import Cell, measured_cells

ROOT = Path(__file__).parents[2]
TABLES = {
    "quickstart": ROOT / "tests/data/quickstart/runs.csv",
    "prose-to-code": ROOT / "experiments/prose-to-code/runs.csv",
    "prose-to-german": ROOT / "experiments/prose-to-german/runs.csv",
}
TABLE = Path(__file__).with_name("cells.csv")
BOUNDS, REFERENCES = (0.02, 0.05), ("base", "control")
COLUMNS = (
    "table", "rows", "n_params", "tokens", "reference", "tolerance", "measured", "estimate", "low",
    "high", "recommended", "rise_at_recommended", "copied", "rise_at_copied",
)  # fmt: skip


def lines_of(name: str, law: str) -> Iterator[list[dict[str, object]]]:
    """Lines of a table: first of all cells with their rows, then of each without."""
    runs = read_runs(TABLES[name])
    cells = measured_cells(runs, Roles())
    whole = fit_laws(runs, law)
    yield [line for cell in cells for line in lines(name, "in", whole, cell, cells)]
    for cell in cells:
        own = np.isclose(runs["n_params"], cell.n_params) & np.isclose(runs["tokens"], cell.tokens)
        without = fit_laws(runs[~own].reset_index(drop=True), law)
        yield list(lines(name, "out", without, cell, cells))


def lines(
    table: str, rows: str, fit: FitResult, cell: Cell, cells: list[Cell]
) -> Iterator[dict[str, object]]:
    """One line a question to a fit about a cell."""
    others = [other for other in cells if other is not cell]
    nearest = min(others, key=lambda other: distance(cell, other))
    for bound in BOUNDS:
        for reference in REFERENCES:
            answer = recommend_ratio(
                fit, n_params=cell.n_params, tokens=cell.tokens, max_general_rise=bound,
                reference=reference,
            )  # fmt: skip
            copied = nearest.critical_ratio(bound, reference)
            yield {
                "table": table, "rows": rows, "n_params": cell.n_params, "tokens": cell.tokens,
                "reference": reference, "tolerance": bound,
                "measured": cell.critical_ratio(bound, reference), "estimate": answer.estimate,
                "low": answer.interval[0], "high": answer.interval[1],
                "recommended": answer.recommended,
                "rise_at_recommended": rise(cell, answer.recommended, reference),
                "copied": copied, "rise_at_copied": rise(cell, copied, reference),
            }  # fmt: skip


def rise(cell: Cell, ratio: float | None, reference: str) -> float | None:
    return None if ratio is None else cell.rise_at(ratio, reference)


def distance(a: Cell, b: Cell) -> float:
    return float(np.hypot(np.log(a.n_params / b.n_params), np.log(a.tokens / b.tokens)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--law", default="auto")
    parser.add_argument("--table", nargs="+", default=list(TABLES), choices=list(TABLES))
    options = parser.parse_args()
    kept = []
    if TABLE.is_file():
        with TABLE.open(newline="") as file:
            kept = [line for line in csv.DictReader(file) if line["table"] not in options.table]
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        for name in options.table:
            for several in lines_of(name, options.law):
                writer.writerows({k: text(v) for k, v in line.items()} for line in several)
                file.flush()


def text(value: object) -> object:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value


if __name__ == "__main__":
    main()
