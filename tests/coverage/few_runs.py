"""Do a few runs give a ratio? Leaves one study out at a time; writes ``few_runs.csv``.

    PYTHONPATH=tests:experiments python tests/coverage/few_runs.py

Every study whose curves are at hand is asked from 5, 3, 2 and 1 of its own runs, all of its cheapest
size: three shares at its shortest budget and two at four times that; three, two or one at the longer
budget. The studies' lines in the prior are left out, all own sweeps together. Targets are the
cell of the longer budget, those of two and four times its tokens, two to seven times its size, and
the largest size at the longest budget, at three bounds, over the base and over the control.

Beside the answer stand the ratio measured there, that of the study's nearest cell with known shares
(the runs' own longest one), which one would copy, and what the studies say without a run. A measured
ratio in the gap below the share one, where no run says how steeply the loss rises, is marked as not
bracketed: its interpolation is a guess.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from study_curves import OWN, Study, studies

from mixlaw.fit.prior.fit import LAW, fit_few_runs
from mixlaw.fit.prior.outside import outside_view
from mixlaw.recommend.api import recommend_ratio
from mixlaw.recommend.measured import Cell
from mixlaw.result.fit_result import FitResult
from mixlaw.roles import Roles
from mixlaw.runs.table import validate_runs

TABLE = Path(__file__).with_name("few_runs.csv")
BOUNDS, REFERENCES, DESIGNS = (0.02, 0.05, 0.1), ("base", "control"), (5, 3, 2, 1)
BASE = 2.0
COLUMNS = (
    "study", "runs", "kind", "n_params", "tokens", "reference", "tolerance", "bracketed",
    "measured", "estimate", "low", "high", "recommended", "low_without", "high_without", "copied",
    "low_outside", "high_outside", "outside",
)  # fmt: skip


def cell_of(study: Study, n_params: float, tokens: float) -> Cell:
    return min(
        study.cells,
        key=lambda c: np.hypot(np.log(c.n_params / n_params), np.log(c.tokens / tokens)),
    )


def design(study: Study, runs: int) -> list[tuple[Cell, float]]:
    """The cell and share of every run, the long budget last."""
    size = min(cell.n_params for cell in study.cells)
    short = min(cell.tokens for cell in study.cells)
    first, last = (cell_of(study, size, budget) for budget in (short, 4 * short))
    low, middle, high = study.shares
    return {
        5: [(first, low), (first, middle), (first, high), (last, low), (last, high)],
        3: [(last, low), (last, middle), (last, high)],
        2: [(last, low), (last, high)],
        1: [(last, high)],
    }[runs]


def targets(study: Study, own: Cell) -> Iterator[tuple[str, Cell]]:
    largest = max(cell.n_params for cell in study.cells)
    longest = max(cell.tokens for cell in study.cells)
    for cell in study.cells:
        size, budget = cell.n_params / own.n_params, cell.tokens / own.tokens
        if cell is own:
            yield "same", cell
        elif (cell.n_params, cell.tokens) == (largest, longest):
            yield "largest", cell
        elif size == 1 and 1.9 < budget < 4.2:
            yield "tokens", cell
        elif 1.9 < size < 7 and budget == 1:
            yield "size", cell


def table(study: Study, runs: list[tuple[Cell, float]]) -> pd.DataFrame:
    rows = [
        {
            "run_id": f"{cell.tokens:.0f}-{share}", "n_params": cell.n_params,
            "tokens": cell.tokens, "domain_ratio": share, "eval_set": "general",
            "loss": BASE + cell.rise_at(share, "base"), "base_tokens": study.base_tokens,
        }
        for cell, share in runs
    ]  # fmt: skip
    base = {**rows[0], "run_id": "base", "tokens": 0, "domain_ratio": None, "loss": BASE}
    return validate_runs(pd.DataFrame([base, *rows]))


def fitted(study: Study, runs: list[tuple[Cell, float]], held_out: list[str]) -> FitResult:
    few = fit_few_runs(table(study, runs), Roles(), None, [], 500, 0, held_out)
    return FitResult(
        law=LAW, eval_sets=tuple(few.selection.rows), domain_set="domain", general_set="general",
        **few.fields,
    )  # fmt: skip


def lines_of(study: Study) -> Iterator[dict[str, object]]:
    held_out = list(OWN) if study.name in OWN else [study.name]
    for n_runs in DESIGNS:
        runs = design(study, n_runs)
        fit = fitted(study, runs, held_out)
        for kind, cell in targets(study, runs[-1][0]):
            outside = outside_view(
                cell.n_params, cell.tokens, base_loss=BASE, base_tokens=study.base_tokens,
                without=held_out,
            )  # fmt: skip
            for bound in BOUNDS:
                for reference in REFERENCES:
                    if reference == "control" and cell.ratios[0] > 0:
                        continue
                    yield {
                        "study": study.name, "runs": n_runs, "kind": kind,
                        **line(fit, outside, cell, runs[-1][0], bound, reference),
                    }  # fmt: skip


def line(
    fit: FitResult, outside: FitResult, cell: Cell, own: Cell, bound: float, reference: str
) -> dict[str, object]:
    question = {
        "n_params": cell.n_params, "tokens": cell.tokens, "max_general_rise": bound,
        "reference": reference,
    }  # fmt: skip
    answer = recommend_ratio(fit, **question)  # type: ignore[arg-type]
    prior = recommend_ratio(outside, **question)  # type: ignore[arg-type]
    without = answer.prior.get("interval_without", {})
    measured = cell.critical_ratio(bound, reference)
    return {
        "n_params": cell.n_params, "tokens": cell.tokens, "reference": reference,
        "tolerance": bound,
        "bracketed": measured is None or measured <= cell.ratios[cell.ratios < 1].max(),
        "measured": measured or 0.0, "estimate": answer.estimate,
        "low": answer.interval[0], "high": answer.interval[1], "recommended": answer.recommended,
        "low_without": without.get("low"), "high_without": without.get("high"),
        "copied": own.critical_ratio(bound, reference) or 0.0,
        "low_outside": prior.interval[0], "high_outside": prior.interval[1],
        "outside": prior.estimate,
    }  # fmt: skip


def text(value: object) -> object:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else value


def main() -> None:
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for study in studies():
            writer.writerows({k: text(v) for k, v in line.items()} for line in lines_of(study))
            file.flush()


if __name__ == "__main__":
    main()
